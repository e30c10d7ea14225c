"""Queries of the summaries of events: as the views of the same names, limited to the hours before the newest event."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import LiteralString

    from serving.database import Row, Transaction

_EXISTS = "SELECT to_regclass('ecommerce_events') IS NOT NULL AS is_there"
# A range of the time alone, so that its index is used.
_SINCE = """
event_time >= (SELECT date_trunc('hour', max(event_time), 'UTC') FROM ecommerce_events) - %(hours)s * interval '1 hour'
"""
# Sessions are compared byte by byte: the order of a language costs more, and changes no count.
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


def summary(tx: Transaction, query: LiteralString, hours: int) -> list[Row]:
    """Return the rows of one of the queries above; none where the lake has no such table."""
    found = tx.row(_EXISTS)
    if found is None or not found["is_there"]:
        return []
    return tx.rows(query, {"hours": hours - 1})
