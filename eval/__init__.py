"""Measurements on real images: the demo, and reports of savings against quality."""
