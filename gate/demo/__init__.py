"""A gate to try without a venue: made-up tickets and a drawn camera."""
