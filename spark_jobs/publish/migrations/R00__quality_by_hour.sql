-- needs: data_quality_metrics
-- The books summed by subject and hour, so that sums over all time do not read every batch there ever was. Triggers keep
-- them, in the transaction that changes the books: whoever writes those, and however often, the sums are theirs.
CREATE TABLE IF NOT EXISTS quality_by_hour (
    subject          text NOT NULL,
    hour             timestamptz NOT NULL,
    batches          bigint NOT NULL,
    rows_read        bigint NOT NULL,
    accepted         bigint NOT NULL,
    late             bigint NOT NULL,
    duplicate        bigint NOT NULL,
    dead_letter      bigint NOT NULL,
    control          bigint NOT NULL,
    unaccounted      bigint NOT NULL,
    watermark        timestamptz,
    max_event_time   timestamptz,
    duration_seconds double precision,
    PRIMARY KEY (subject, hour)
);
COMMENT ON TABLE quality_by_hour IS 'Tallylake: the books summed by subject and hour (UTC) of their batches'' start; kept by triggers of data_quality_metrics';

-- A subject's sums, of batches that started between two full hours.
CREATE OR REPLACE FUNCTION quality_between(wanted text, since timestamptz, until timestamptz) RETURNS SETOF quality_by_hour
LANGUAGE sql STABLE AS $$
    SELECT
        subject,
        date_trunc('hour', started_at, 'UTC'),
        count(*),
        coalesce(sum(rows_read), 0)::bigint,
        coalesce(sum(accepted), 0)::bigint,
        coalesce(sum(late), 0)::bigint,
        coalesce(sum(duplicate), 0)::bigint,
        coalesce(sum(dead_letter), 0)::bigint,
        coalesce(sum(control), 0)::bigint,
        coalesce(sum(unaccounted), 0)::bigint,
        max(watermark),
        max(max_event_time),
        sum(duration_seconds)
    FROM data_quality_metrics
    WHERE subject = wanted AND started_at >= since AND started_at < until
    GROUP BY 1, 2
$$;

-- Adds up anew the hours of the rows that a statement changed. As its owner: the writer changes the books and not their sums.
CREATE OR REPLACE FUNCTION sum_up_quality() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM quality_by_hour;
        RETURN NULL;
    END IF;
    DELETE FROM quality_by_hour h USING changed c
    WHERE h.subject = c.subject AND h.hour = date_trunc('hour', c.started_at, 'UTC');
    INSERT INTO quality_by_hour
    SELECT sums.*
    FROM (SELECT DISTINCT subject, date_trunc('hour', started_at, 'UTC') AS hour FROM changed) c
    CROSS JOIN LATERAL quality_between(c.subject, c.hour, c.hour + interval '1 hour') sums;
    RETURN NULL;
END
$$;

-- What runs as its owner is the owner's alone: anyone who may execute it could hang it on a table of their own, and have it delete sums.
REVOKE ALL ON FUNCTION sum_up_quality(), quality_between(text, timestamptz, timestamptz) FROM PUBLIC;

COMMENT ON FUNCTION quality_between(text, timestamptz, timestamptz) IS 'Tallylake: a subject''s sums of batches between two full hours';
COMMENT ON FUNCTION sum_up_quality() IS 'Tallylake: keeps quality_by_hour';

-- An update is seen twice, as what was there before and as what is there now: an hour that lost a batch is added up too.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_trigger WHERE tgrelid = 'data_quality_metrics'::regclass AND tgname = 'quality_truncated'
    ) THEN
        DELETE FROM quality_by_hour;
        INSERT INTO quality_by_hour
        SELECT sums.* FROM (SELECT DISTINCT subject FROM data_quality_metrics) s
        CROSS JOIN LATERAL quality_between(s.subject, '-infinity', 'infinity') sums;
        CREATE TRIGGER quality_inserted AFTER INSERT ON data_quality_metrics
            REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION sum_up_quality();
        CREATE TRIGGER quality_updated_from AFTER UPDATE ON data_quality_metrics
            REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION sum_up_quality();
        CREATE TRIGGER quality_updated_to AFTER UPDATE ON data_quality_metrics
            REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION sum_up_quality();
        CREATE TRIGGER quality_deleted AFTER DELETE ON data_quality_metrics
            REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION sum_up_quality();
        CREATE TRIGGER quality_truncated AFTER TRUNCATE ON data_quality_metrics
            FOR EACH STATEMENT EXECUTE FUNCTION sum_up_quality();
    END IF;
END
$$;
