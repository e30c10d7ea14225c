from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from schema_registry.contract import FieldType
from schema_registry.registry import load
from spark_jobs.lake import Lake
from spark_jobs.schemas import TIMESTAMP, arrow_type

LAKE = Lake(Path("/lake"))
SUBJECT = load().subject("ecommerce_events")


def test_every_table_has_a_path_of_its_own_named_as_the_table() -> None:
    tables = [
        LAKE.bronze(SUBJECT),
        LAKE.silver(SUBJECT),
        LAKE.dead_letters,
        LAKE.duplicates,
        LAKE.batch_quality,
        LAKE.files,
    ]
    assert [table.path for table in tables] == [f"/lake/{table.name}" for table in tables]
    assert len({table.path for table in tables}) == len(tables)
    for table in tables:
        assert {*table.partition_by, *table.stats} <= set(table.schema.names)
        assert not {*table.stats} & {*table.partition_by}
        assert table.data_schema.names == [name for name in table.schema.names if name not in table.partition_by]
        assert len(set(table.schema.names)) == len(table.schema.names)


def test_bronze_holds_every_field_of_every_version_as_text() -> None:
    schema = LAKE.bronze(SUBJECT).schema
    assert {str(schema.field(name).type) for name in SUBJECT.known_fields} == {"string"}


def test_silver_types_money_as_decimal_and_time_in_utc() -> None:
    schema = LAKE.silver(SUBJECT).schema
    assert schema.field("price").type == pa.decimal128(18, 2)
    assert schema.field("total_amount").type == pa.decimal128(30, 2)
    assert schema.field("event_time").type == TIMESTAMP
    assert LAKE.silver(SUBJECT).near_unique == ("row_id", "event_id")


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("string", pa.string()),
        ("int", pa.int32()),
        ("bigint", pa.int64()),
        ("boolean", pa.bool_()),
        ("date", pa.date32()),
        ("timestamp", TIMESTAMP),
    ],
)
def test_a_contracts_type_has_one_arrow_type(name: str, type_: pa.DataType) -> None:
    assert arrow_type(FieldType(name)) == type_


def test_checkpoints_and_locks_lie_beside_the_tables() -> None:
    assert LAKE.checkpoint("x", "refine") == Path("/lake/_checkpoints/x/refine")
    assert LAKE.lock("x") == Path("/lake/_locks/x.lock")
