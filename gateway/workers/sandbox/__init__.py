"""The sandbox of worker processes: what a taken-over decoder can no longer do."""
