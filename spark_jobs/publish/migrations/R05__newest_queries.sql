-- needs: data_quality_metrics
-- Which query of a subject is the newest: the one whose books came last, whatever the clock said when its batches started. Versions of
-- the lake's books come in their order; only of queries that come at once for the first time does their batches' start decide.
CREATE TABLE IF NOT EXISTS newest_queries (
    subject  text PRIMARY KEY,
    query_id text NOT NULL
);
COMMENT ON TABLE newest_queries IS 'Tallylake: the query of each subject whose books came last; kept by a trigger of data_quality_metrics';
GRANT SELECT, INSERT, UPDATE ON newest_queries TO tallylake_writer;

-- A query is new where its first books are among those that came.
CREATE OR REPLACE FUNCTION note_newest_queries() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO newest_queries AS n (subject, query_id)
    SELECT DISTINCT ON (c.subject) c.subject, c.query_id
    FROM (
        SELECT subject, query_id, min(batch_id) AS first_batch, max(started_at) AS last_start FROM changed GROUP BY 1, 2
    ) c
    LEFT JOIN newest_queries known ON known.subject = c.subject
    WHERE c.first_batch = (
        SELECT min(m.batch_id) FROM data_quality_metrics m WHERE m.subject = c.subject AND m.query_id = c.query_id
    )
    ORDER BY c.subject, (c.query_id = known.query_id) DESC NULLS LAST, c.last_start DESC NULLS LAST
    ON CONFLICT (subject) DO UPDATE SET query_id = excluded.query_id WHERE n.query_id <> excluded.query_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION note_newest_queries() IS 'Tallylake: keeps newest_queries';
REVOKE ALL ON FUNCTION note_newest_queries() FROM PUBLIC;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_trigger WHERE tgrelid = 'data_quality_metrics'::regclass AND tgname = 'quality_newest'
    ) THEN
        INSERT INTO newest_queries
        SELECT DISTINCT ON (subject) subject, query_id FROM data_quality_metrics ORDER BY subject, started_at DESC NULLS LAST
        ON CONFLICT DO NOTHING;
        CREATE TRIGGER quality_newest AFTER INSERT ON data_quality_metrics
            REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_newest_queries();
    END IF;
END
$$;
