"""The plant's HTTP API: operators, sellers, partners."""
