"""Everybody's precomputed lists: what a person will want in the coming weeks, from their own history and everybody's."""
