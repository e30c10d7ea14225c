"""A report as one HTML page that needs nothing else: no request to any host, no script, pictures drawn in the page itself.

The words and figures are those of the report; whatever came from data is escaped by the template.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from config.escaping import escape_controls
from spark_jobs.batch.report.page_charts import quality_charts, refund_chart, sales_chart
from spark_jobs.batch.report.texts import STATES, change, day_name, headline, number, percent, points

if TYPE_CHECKING:
    from jinja2 import Template

    from spark_jobs.batch.report.figures import Report

HEADLINES = (
    ("gmv", "Sales (GMV)"),
    ("orders", "Orders"),
    ("customers", "Customers"),
    ("units", "Units"),
    ("average_order_value", "Average order value"),
    ("cancelled_orders", "Cancelled orders"),
)


def page(report: Report) -> str:
    """Return the whole page as HTML text."""
    return _template().render(
        report=report,
        headline=headline(report),
        headlines=HEADLINES,
        states=STATES,
        sales=sales_chart(report),
        refunds=refund_chart(report),
        quality=quality_charts(report),
        blocking=[gate for gate in report.standing.gates if gate.holds_back],
    )


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escape,
    )
    environment.filters |= {"number": number, "percent": percent, "points": points, "day": day_name, "change": change}
    return environment.get_template("report.html")


def _escape(value: object) -> object:
    """Escape control characters of names that came with the data. What a macro made is the page's own, and stays."""
    return escape_controls(value) if isinstance(value, str) and not isinstance(value, Markup) else value
