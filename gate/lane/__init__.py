"""A lane: the only maker of HOLD, and what scanners and operators hand to it."""
