-- How the stream of this lake stands, as its publisher was told last: what the API and Prometheus say of a subject that stands still.
CREATE TABLE stream_state (
    subject  text NOT NULL,
    query    text NOT NULL,
    state    text NOT NULL,
    since    timestamptz,
    failures integer NOT NULL,
    error    text NOT NULL,
    step     text NOT NULL,
    heard_at timestamptz NOT NULL,
    PRIMARY KEY (subject, query)
);
COMMENT ON TABLE stream_state IS 'Tallylake: one row for each query of each subject: running, retrying, stalled, given_up or stopped, when that was last heard';
