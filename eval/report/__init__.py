"""The report: summary, terminal and page."""
