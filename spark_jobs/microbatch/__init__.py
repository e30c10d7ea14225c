"""Exactly once: a batch is prepared, written into its journal, and committed table by table."""
