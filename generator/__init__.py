"""The event generator: a simulated shop whose every written row has a known fate."""
