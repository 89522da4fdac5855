"""What people run to measure: python -m bench.NAME."""
