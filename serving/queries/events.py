"""Summaries of events: the views of the same names, restricted to the hours before the newest event by the index on its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import LiteralString

    from serving.database import Questions, Row

_THERE = "SELECT to_regclass('ecommerce_events') IS NOT NULL AS there"
_SINCE = """
event_time >= (SELECT date_trunc('hour', max(event_time), 'UTC') FROM ecommerce_events) - %(hours)s * interval '1 hour'
"""
# Sessions are told apart byte by byte: to order them as a language would costs more, and changes no count.
HOURLY = f"""
SELECT date_trunc('hour', event_time, 'UTC') AS event_hour, event_type, count(*) AS events,
    count(DISTINCT user_id) FILTER (WHERE user_id <> 0) AS users, count(DISTINCT session_id COLLATE "C") AS sessions,
    coalesce(sum(quantity) FILTER (WHERE event_type = 'purchase'), 0) AS units,
    coalesce(sum(total_amount) FILTER (WHERE event_type = 'purchase'), 0.00) AS revenue,
    count(*) FILTER (WHERE late_arrival_flag) AS late_events
FROM ecommerce_events WHERE {_SINCE} GROUP BY 1, 2 ORDER BY 1, 2
"""
CATEGORIES = f"""
SELECT coalesce(category, 'unknown') AS category,
    count(*) FILTER (WHERE event_type = 'view') AS views,
    count(*) FILTER (WHERE event_type = 'add_to_cart') AS add_to_carts,
    count(*) FILTER (WHERE event_type = 'purchase') AS purchases,
    coalesce(sum(quantity) FILTER (WHERE event_type = 'purchase'), 0) AS units,
    coalesce(sum(total_amount) FILTER (WHERE event_type = 'purchase'), 0.00) AS revenue,
    count(DISTINCT user_id) FILTER (WHERE event_type = 'purchase') AS buyers,
    round(count(*) FILTER (WHERE event_type = 'purchase')::numeric
        / nullif(count(*) FILTER (WHERE event_type = 'view'), 0), 6) AS conversion_rate
FROM ecommerce_events WHERE {_SINCE} GROUP BY 1 ORDER BY revenue DESC, category
"""
SEGMENTS = f"""
SELECT coalesce(user_segment, 'unknown') AS user_segment,
    count(DISTINCT user_id) FILTER (WHERE user_id <> 0) AS users, count(DISTINCT session_id COLLATE "C") AS sessions,
    count(*) AS events, count(*) FILTER (WHERE event_type = 'purchase') AS purchases,
    coalesce(sum(total_amount) FILTER (WHERE event_type = 'purchase'), 0.00) AS revenue,
    round(avg(total_amount) FILTER (WHERE event_type = 'purchase'), 2) AS average_order_value
FROM ecommerce_events WHERE {_SINCE} GROUP BY 1 ORDER BY revenue DESC, user_segment
"""


def summary(ask: Questions, query: LiteralString, hours: int) -> list[Row]:
    """A summary's rows; none where the lake has no such events."""
    there = ask.row(_THERE)
    if there is None or not there["there"]:
        return []
    return ask.rows(query, {"hours": hours - 1})
