"""Models of the summaries of visitors' events."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from pydantic import Field

from serving.models.common import ApiModel


class HourOfEvents(ApiModel):
    """Events of one type in an hour; users are those signed in, revenue is that of purchases."""

    event_hour: datetime
    event_type: str
    events: int
    users: int
    sessions: int
    units: int
    revenue: Decimal
    late_events: int


class CategoryPerformance(ApiModel):
    """The funnel of a category."""

    category: str
    views: int
    add_to_carts: int
    purchases: int
    units: int
    revenue: Decimal
    buyers: int
    conversion_rate: float | None = Field(description="Purchases by views; null without views.")


class SegmentOfUsers(ApiModel):
    """Events of a segment of users; the segment is the one they had at the time of the event."""

    user_segment: str
    users: int
    sessions: int
    events: int
    purchases: int
    revenue: Decimal
    average_order_value: Decimal | None
