"""Delta tables and their files: log, append, replace, look up, compare. Knows no subject, batch or rule."""
