"""Quality gates: pure functions that give the rows of a date that must hold back its publication."""
