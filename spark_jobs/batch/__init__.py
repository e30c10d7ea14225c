"""Batch jobs over the tables: audit, status, why. They meet only through tables."""
