"""A real pretix, in a process of its own: nothing of it is imported here, and nothing copied."""
