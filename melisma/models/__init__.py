"""Models: networks of each checkpoint family, and where their weights come from and stay."""
