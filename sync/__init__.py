"""What happened goes to everybody once; tickets come in order: the sync job and the server."""
