"""The read-only HTTP API and the dashboard over the tables published in Postgres."""
