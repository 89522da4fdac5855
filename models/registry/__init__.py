"""The restorers, and where their weights come from."""
