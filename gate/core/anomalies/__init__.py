"""What of an evening is unlike an honest one, each with the entries that it rests on."""
