"""Benchmarks of restorers against the same networks in torch."""
