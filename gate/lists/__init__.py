"""Lists of tickets as people have them: what a file is, what its columns and its values mean."""
