"""Offline evaluation: what everybody would have been shown at a moment of the past, against what they took afterwards."""
