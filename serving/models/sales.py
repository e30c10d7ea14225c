"""Models of sales, products and customers, also of their history. Money is a JSON string, as it is exact."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import ConfigDict, Field

from serving.models.common import ApiModel, Items


class Day(ApiModel):
    """Gross merchandise value of a day, and what was cancelled of it."""

    order_date: date
    orders: int
    customers: int
    units: int
    gmv: Decimal = Field(
        description="Gross merchandise value: what was ordered and not cancelled.", examples=["1196.00"]
    )
    cancelled_orders: int
    cancelled_amount: Decimal
    average_order_value: Decimal | None


class ProductDay(ApiModel):
    """Sales of a product on a day."""

    order_date: date
    units: int
    revenue: Decimal


class ProductRevenue(ApiModel):
    """Sales of a product from one day to another, both included; cancelled orders are left out."""

    model_config = ConfigDict(populate_by_name=True)

    product_id: int
    first: date | None = Field(serialization_alias="from")
    last: date | None = Field(serialization_alias="to")
    orders: int
    units: int
    revenue: Decimal
    days: list[ProductDay]


class Product(ApiModel):
    """A product as it is."""

    product_id: int
    product_name: str | None
    category: str | None
    brand: str | None
    price: Decimal | None


class TopProduct(ApiModel):
    """A product's rank on a day, by revenue."""

    order_date: date
    rank: int
    product_id: int
    product_name: str | None
    category: str | None
    orders: int
    units: int
    revenue: Decimal


class TopProducts(Items[TopProduct]):
    """The products with the most revenue on a day."""

    order_date: date | None


class Valid(ApiModel):
    """The time for which a version was valid."""

    valid_from: datetime
    valid_to: datetime | None = Field(description="Null while it is still valid.")
    version: int


class Price(Valid):
    """The price of a product at a point in time."""

    product_id: int
    product_name: str | None
    at: datetime
    price: Decimal | None


class Address(Valid):
    """The address of a customer at a point in time."""

    customer_id: int
    at: datetime
    address: str | None
    city: str | None
    country: str | None


class ProductVersion(Valid):
    """One version of a product."""

    product_id: int
    product_name: str | None
    category: str | None
    brand: str | None
    price: Decimal | None
    cost: Decimal | None
    margin_percentage: Decimal | None
    is_current: bool


class CustomerVersion(Valid):
    """One version of a customer."""

    customer_id: int
    first_name: str | None
    last_name: str | None
    email: str | None
    address: str | None
    city: str | None
    country: str | None
    segment: str | None
    is_current: bool


class LifetimeValue(ApiModel):
    """The lifetime value of a customer so far."""

    customer_id: int
    first_order_date: date | None
    last_order_date: date | None
    orders: int
    units: int
    gross_amount: Decimal
    refunded_amount: Decimal
    lifetime_value: Decimal = Field(description="Gross amount less what was refunded.", examples=["70.00"])
    average_order_value: Decimal | None


class Segment(ApiModel):
    """The customers of a segment, by recency, frequency and monetary value."""

    segment: str
    customers: int
    monetary: Decimal = Field(description="What they have spent.", examples=["287.00"])
    average_recency_days: float | None
    average_frequency: float | None
