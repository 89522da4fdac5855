"""From a rendition to the file as served, and the tiers that lose nothing."""
