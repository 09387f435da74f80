"""What shows and asks; it decides nothing."""
