"""The images that a report is about."""
