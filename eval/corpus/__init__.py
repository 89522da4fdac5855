"""The images of a report."""
