"""Processes that work on images, and the queue before them."""
