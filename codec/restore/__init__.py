"""From a rendition to the served file, and the lossless tiers."""
