-- needs: quality_by_hour
CREATE OR REPLACE VIEW v_data_quality_dashboard AS
SELECT
    subject,
    hour,
    batches,
    rows_read,
    accepted,
    late,
    duplicate,
    dead_letter,
    control,
    unaccounted,
    round(1 - dead_letter::numeric / nullif(rows_read, 0), 6) AS validity,
    watermark,
    round((duration_seconds / batches)::numeric, 3)           AS average_duration_seconds
FROM quality_by_hour;
COMMENT ON VIEW v_data_quality_dashboard IS 'Tallylake: The books by hour (UTC); validity is the share of rows read that were not refused';
