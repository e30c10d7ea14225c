"""The audit: the books recomputed from the tables, and held against what was booked."""
