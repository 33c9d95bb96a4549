"""Who is asking: users, their roles and their API tokens."""
