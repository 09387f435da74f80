"""The command line: alone in ``gate`` it imports ``sync``, and puts everything together."""
