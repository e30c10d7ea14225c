"""The audit: the books recomputed from the tables, and compared with what was booked."""
