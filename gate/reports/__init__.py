"""What is told of a folder: reports, logs, look-ups, the doctor; and how a list is taken in."""
