"""The writer of the lake: an actor of its own that follows the log at leisure and appends each record exactly once."""
