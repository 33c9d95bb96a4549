"""What clients see: place an order, follow its status."""
