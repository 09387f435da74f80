"""What a lane moves: a turnstile or door that opens for a verdict, and who goes through it."""
