-- needs: ecommerce_events
CREATE OR REPLACE VIEW v_hourly_event_summary AS
SELECT
    date_trunc('hour', event_time, 'UTC')                             AS event_hour,
    event_type,
    count(*)                                                          AS events,
    count(DISTINCT user_id) FILTER (WHERE user_id <> 0)               AS users,
    count(DISTINCT session_id)                                        AS sessions,
    coalesce(sum(quantity) FILTER (WHERE event_type = 'purchase'), 0) AS units,
    coalesce(sum(total_amount) FILTER (WHERE event_type = 'purchase'), 0) AS revenue,
    count(*) FILTER (WHERE late_arrival_flag)                         AS late_events
FROM ecommerce_events
GROUP BY 1, 2;
COMMENT ON VIEW v_hourly_event_summary IS 'Tallylake: Events by hour (UTC) and type; users are those signed in, revenue is that of purchases';
