"""The commands, one file each: ``add`` states its flags, and what it adds runs the command.

What a command needs is imported within its functions: every start of the program imports all of
these files, and carries out one.
"""
