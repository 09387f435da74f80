"""Both sides of a conversation, without a socket and without a clock."""
