"""Zoo files: read, check, pin and add to them."""
