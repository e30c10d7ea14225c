"""Traces a row: where it came from and what became of it."""
