"""Venue Gate: decide at the door, durably, with or without a network."""

from gate._built import VERSION

__version__ = VERSION
