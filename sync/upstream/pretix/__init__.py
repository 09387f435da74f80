"""pretix as an upstream: a check-in list of it is an event of ours."""
