"""The operators' own pages inside the admin."""
