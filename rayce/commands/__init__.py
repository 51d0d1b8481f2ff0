"""The verbs of the command `rayce`, a file for each noun."""
