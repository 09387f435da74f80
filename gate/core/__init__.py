"""What both sides share and that is pure: no clock, disk, socket or screen."""
