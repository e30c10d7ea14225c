"""Marts: pure functions from the star to a table that answers one question."""
