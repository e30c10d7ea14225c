"""What people and programs read: an API and a page over the published tables in Postgres."""
