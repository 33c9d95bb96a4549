"""What the demo is made of: its people, and orders in the middle of their lives."""
