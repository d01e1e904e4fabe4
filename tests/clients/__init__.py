"""Real clients against a running registry."""
