"""The report of one published date, as a page and as JSON."""
