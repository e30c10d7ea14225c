"""What the OpenAPI document says; that the answers are as it says stands in test_openapi."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.api_server import Served


@pytest.fixture
def document(api: Served) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/openapi.json").json()
    return found


def test_every_address_and_every_parameter_is_described(document: dict[str, Any]) -> None:
    asked = {path: found["get"] for path, found in document["paths"].items()}
    assert [path for path, one in asked.items() if not one.get("description")] == []
    assert [
        (path, each["name"])
        for path, one in asked.items()
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
