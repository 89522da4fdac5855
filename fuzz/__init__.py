"""Programs that feed parsers with mutated input, led by the code that it reaches."""
