"""Restorers compared with the same networks in torch."""
