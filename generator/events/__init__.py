"""The events of a simulated shop: its visitors' sessions, a file after the other."""
