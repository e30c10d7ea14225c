-- What carries a comment that begins like this was made by Tallylake; all else in the schema is left alone.
COMMENT ON TABLE schema_migrations IS 'Tallylake: the versioned migrations that were applied';
COMMENT ON TABLE published_tables IS 'Tallylake: one row for each table of the lake: the version of it that Postgres shows, committed with the rows';
COMMENT ON TABLE repeated_events IS 'Tallylake: accepted events whose identifier another accepted event has; nothing is lost, and identifiers are unique';
