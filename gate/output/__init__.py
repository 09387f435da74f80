"""What a lane moves and sounds: what opens for a verdict, who goes through it, what is heard."""
