"""One screen a file; each owns its keys."""
