"""State of jobs in the store: plain objects under one prefix."""
