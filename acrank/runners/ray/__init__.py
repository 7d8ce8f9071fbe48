"""Score models on a Ray cluster."""
