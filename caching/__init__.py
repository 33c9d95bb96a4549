"""The cache engine: knows Redis and PostgreSQL, knows nothing of orders."""
