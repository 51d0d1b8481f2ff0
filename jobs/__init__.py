"""Batch time: programs for `ray job submit -- python -m jobs.<name>`; each also runs by itself."""
