"""The lake in Postgres: tables there follow the versions of tables here, each with its position in the same transaction."""
