"""What the plant sees: the board of orders, claiming, making, the dashboard."""
