"""A venue without a server."""
