"""The OpenAPI document, and that every answer is one that it describes (by schemathesis). Covers serving/models/.

Covers: serving.models.*.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.api_server import Served

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def asking(operation: Any) -> Callable[[], None]:
    """Return a function that requests an operation in many ways."""

    @settings(
        max_examples=25,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        data.draw(operation.as_strategy()).call_and_validate(checks=CHECKS)

    return ask


def test_every_answer_is_one_that_the_document_describes(api: Served) -> None:
    schema = schemathesis.openapi.from_url(f"{api.address}/openapi.json")
    found: Any = schema.get_all_operations()
    operations = [each.ok() for each in found]
    assert len(operations) >= 20
    for operation in operations:
        asking(operation)()


@pytest.fixture
def document(api: Served) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/openapi.json").json()
    return found


def test_every_address_and_every_parameter_is_described(document: dict[str, Any]) -> None:
    operations = {path: found["get"] for path, found in document["paths"].items()}
    assert [path for path, one in operations.items() if not one.get("description")] == []
    assert [
        (path, each["name"])
        for path, one in operations.items()
        for each in one.get("parameters", [])
        if not each.get("description")
    ] == []


def test_every_number_that_is_asked_for_has_its_limits(document: dict[str, Any]) -> None:
    for path, found in document["paths"].items():
        for one in found["get"].get("parameters", []):
            if one["schema"].get("type") == "integer":
                assert {"minimum", "maximum"} <= set(one["schema"]), (path, one["name"])


def test_every_answer_that_is_none_has_the_same_form(document: dict[str, Any]) -> None:
    for path, found in document["paths"].items():
        for status, answer in found["get"]["responses"].items():
            if path.startswith("/api/") and status != "200":
                assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/Problem"), (path, status)


def test_generated_clients_have_names_to_call(document: dict[str, Any]) -> None:
    names = [found["get"]["operationId"] for found in document["paths"].values()]
    assert len(set(names)) == len(names)
    assert {"quality_status", "dead_letters_letters", "history_price", "events_segments", "sales_segments"} <= set(
        names
    )


def test_money_is_a_text_and_a_share_is_a_number(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Day"]["properties"]["gmv"]["type"] == "string"
    assert schemas["ReasonCount"]["properties"]["share"]["anyOf"][0]["type"] == "number"
