"""Training and evaluation of the native restorers; what learns needs torch."""
