"""What the organiser and whoever looks at an event ask of a server, as types of its native API."""
