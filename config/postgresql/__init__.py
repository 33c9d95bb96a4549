"""Django's PostgreSQL, which looks after its connections without a statement."""
