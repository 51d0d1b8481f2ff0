"""Stores know values; values know nothing of stores. One client, one importer."""
