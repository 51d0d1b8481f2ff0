"""Segments that a job works out: how they are declared, what they are computed from, and what a run would change."""
