from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.publish.json_text import json_object, json_of
from spark_jobs.schemas import REASON, TEXT_MAP

TEXTS = st.one_of(st.none(), st.text(max_size=8), st.sampled_from(['"', "\\", "\n\t\r", "\x01\x1f", "a\0b", "\u2028"]))
MAPS = st.one_of(st.none(), st.dictionaries(st.text(max_size=5), TEXTS, max_size=4))
REASONS = st.fixed_dictionaries(dict.fromkeys(("code", "field", "detail"), TEXTS))


def shown(value: Any) -> Any:
    """A value as its JSON says it: without NUL characters, which Postgres cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", r"\x00")
    if isinstance(value, dict):
        return {shown(key): shown(item) for key, item in value.items()}
    return [shown(item) for item in value] if isinstance(value, list) else value


def read(column: pa.Array) -> list[Any]:
    return [None if text is None else json.loads(text) for text in json_of(column).to_pylist()]


@settings(deadline=None, derandomize=True)
@given(st.lists(MAPS, max_size=6), st.integers(0, 6))
def test_any_map_of_texts_is_read_back_from_its_json(maps: list[dict[str, str | None] | None], skipped: int) -> None:
    column = pa.array([None if one is None else list(one.items()) for one in maps], TEXT_MAP)
    assert read(column.slice(skipped)) == shown(maps[skipped:])


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.one_of(st.none(), st.lists(st.one_of(st.none(), REASONS), max_size=3)), max_size=5), st.integers(0, 5)
)
def test_any_list_of_reasons_is_read_back_from_its_json(rows: list[Any], skipped: int) -> None:
    column = pa.array(rows, pa.list_(REASON))
    assert read(column.slice(skipped)) == shown(rows[skipped:])


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(TEXTS, TEXTS, MAPS), min_size=1, max_size=6))
def test_an_object_holds_the_fields_that_have_a_text_and_the_rest(
    rows: list[tuple[str | None, str | None, Any]],
) -> None:
    first, second, rests = zip(*rows, strict=True)
    rest = pa.array(
        [None if one is None else [(f"_{key}", item) for key, item in one.items()] for one in rests], TEXT_MAP
    )
    texts = [pa.array(first, pa.string()), pa.array(second, pa.string())]
    objects = [json.loads(text) for text in json_object(["a", 'b"'], texts, rest).to_pylist()]
    wanted = [
        {name: text for name, text in (("a", one), ('b"', two)) if text is not None}
        | {f"_{key}": item for key, item in (more or {}).items()}
        for one, two, more in rows
    ]
    assert objects == shown(wanted)


def test_numbers_dates_and_booleans_are_what_json_has_for_them() -> None:
    assert read(pa.array([[1, None], []], pa.list_(pa.int64()))) == [[1, None], []]
    assert read(pa.array([[0], None], pa.list_(pa.date32()))) == [["1970-01-01"], None]
    assert read(pa.array([[("a", 7)]], pa.map_(pa.string(), pa.int64()))) == [{"a": 7}]
    assert read(pa.array([[True, False]])) == [[True, False]]


def test_a_column_without_rows_has_no_json() -> None:
    assert read(pa.array([], TEXT_MAP)) == []
    assert read(pa.chunked_array([], TEXT_MAP)) == []
