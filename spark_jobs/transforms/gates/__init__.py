"""Quality gates: pure functions that return the rows of a date because of which it must not be released."""
