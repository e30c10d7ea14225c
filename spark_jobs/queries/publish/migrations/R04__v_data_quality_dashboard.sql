-- needs: data_quality_metrics
CREATE OR REPLACE VIEW v_data_quality_dashboard AS
SELECT
    subject,
    date_trunc('hour', started_at, 'UTC')                    AS hour,
    count(*)                                                 AS batches,
    sum(rows_read)::bigint                                   AS rows_read,
    sum(accepted)::bigint                                    AS accepted,
    sum(late)::bigint                                        AS late,
    sum(duplicate)::bigint                                   AS duplicate,
    sum(dead_letter)::bigint                                 AS dead_letter,
    sum(coalesce(control, 0))::bigint                        AS control,
    sum(unaccounted)::bigint                                 AS unaccounted,
    round(1 - sum(dead_letter) / nullif(sum(rows_read), 0), 6) AS validity,
    max(watermark)                                           AS watermark,
    round(avg(duration_seconds)::numeric, 3)                 AS average_duration_seconds
FROM data_quality_metrics
GROUP BY 1, 2;
COMMENT ON VIEW v_data_quality_dashboard IS 'The books by hour (UTC); validity is the share of rows read that were not refused';
