"""Where a row came from and what became of it."""
