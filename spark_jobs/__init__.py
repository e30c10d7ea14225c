"""The lakehouse jobs: landing, judging, committing, and the batch jobs over the tables. docs/design.md draws the rooms."""
