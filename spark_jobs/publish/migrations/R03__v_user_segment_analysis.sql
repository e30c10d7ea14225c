-- needs: ecommerce_events
CREATE OR REPLACE VIEW v_user_segment_analysis AS
SELECT
    coalesce(user_segment, 'unknown')                                 AS user_segment,
    count(DISTINCT user_id) FILTER (WHERE user_id <> 0)               AS users,
    count(DISTINCT session_id)                                        AS sessions,
    count(*)                                                          AS events,
    count(*) FILTER (WHERE event_type = 'purchase')                   AS purchases,
    coalesce(sum(total_amount) FILTER (WHERE event_type = 'purchase'), 0) AS revenue,
    round(avg(total_amount) FILTER (WHERE event_type = 'purchase'), 2) AS average_order_value
FROM ecommerce_events
GROUP BY 1;
COMMENT ON VIEW v_user_segment_analysis IS 'Tallylake: What each segment did, as the shop saw the visitor at that moment';
