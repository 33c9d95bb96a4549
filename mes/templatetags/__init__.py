"""Template tags of the plant's pages."""
