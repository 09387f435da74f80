"""Venue Gate: decide at the door, durably, with or without a network."""

__version__ = "0.1.0"

BUILT = "2026-11-22"
"""Release day (UTC). No true clock can be earlier: it is part of the clock floor."""
