"""Gold: the star, the marts and their gates, built from Silver and history date by date."""
