"""A subject's tables made again from Bronze, compared, and swapped in."""
