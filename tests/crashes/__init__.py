"""Ends at random moments: afterwards each object is as it was or completely new."""
