-- What is published how far, in the same transaction as the rows: this is what makes publishing exactly once.
CREATE TABLE published_tables (
    lake_table        text PRIMARY KEY,
    table_name        text NOT NULL,
    lake_table_id     text,
    version           bigint,
    rows_written      bigint NOT NULL DEFAULT 0,
    rows_deleted      bigint NOT NULL DEFAULT 0,
    published_at      timestamptz,
    lake_committed_at timestamptz,
    CHECK ((lake_table_id IS NULL) = (version IS NULL))
);
COMMENT ON TABLE published_tables IS 'One row for each table of the lake: the version of it that Postgres shows, committed with the rows';

-- An event that was accepted under an identifier that was taken (rightly: the first had passed the watermark) is in no
-- other table, as event identifiers are unique there.
CREATE TABLE repeated_events (
    subject text NOT NULL,
    row_id  text NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (subject, row_id)
);
COMMENT ON TABLE repeated_events IS 'Accepted events whose identifier another accepted event has; nothing is lost, and identifiers are unique';
