-- needs: ecommerce_events
CREATE OR REPLACE VIEW v_category_performance AS
SELECT
    coalesce(category, 'unknown')                                     AS category,
    count(*) FILTER (WHERE event_type = 'view')                       AS views,
    count(*) FILTER (WHERE event_type = 'add_to_cart')                AS add_to_carts,
    count(*) FILTER (WHERE event_type = 'purchase')                   AS purchases,
    coalesce(sum(quantity) FILTER (WHERE event_type = 'purchase'), 0) AS units,
    coalesce(sum(total_amount) FILTER (WHERE event_type = 'purchase'), 0) AS revenue,
    count(DISTINCT user_id) FILTER (WHERE event_type = 'purchase')    AS buyers,
    round(count(*) FILTER (WHERE event_type = 'purchase')::numeric
          / nullif(count(*) FILTER (WHERE event_type = 'view'), 0), 6) AS conversion_rate
FROM ecommerce_events
GROUP BY 1;
COMMENT ON VIEW v_category_performance IS 'Tallylake: The funnel of each category; conversion_rate is purchases by views, null without views';
