"""Evaluation: gains of restorers at equal bytes, and where downscaling loses to a modern codec."""
