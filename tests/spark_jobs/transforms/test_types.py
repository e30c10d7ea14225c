"""Each contract type: the texts that it takes, with their values, and the texts that it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from schema_registry.contract import FieldType
from spark_jobs.storage.keys import key_text as arrow_key_text
from spark_jobs.transforms.types import key_text, parse_text

INTEGERS = {
    "0": "0", "-0": "0", "12": "12", " 12 ": "12", "+5": "5", "-7": "-7", "007": "7",
    "2147483647": "2147483647", "-2147483648": "-2147483648",
}  # fmt: skip
NO_INTEGERS = (
    "", " ", "1.0", "1.", "1e3", "0x1F", "１２", "1L", "--1", "+-1", "+ 5", "1 2", "1,000", "1_000", "-", "12\u00a0",
    "NaN", "Infinity", "true", "12abc", "9999999999999999999999",
)  # fmt: skip
CENTS = {
    "1": "1.00", "1.5": "1.50", "1.50": "1.50", " 1.50 ": "1.50", "+1": "1.00", "-0.01": "-0.01", "-0.00": "0.00",
    "5.": "5.00", ".5": "0.50", "-.5": "-0.50", "007.10": "7.10", "9999999999999999.99": "9999999999999999.99",
}  # fmt: skip
NO_CENTS = (
    "", " ", "1.005", "1.500", "1e3", "1E2", "NaN", "Infinity", "-inf", "0x1F", "1,5", "1.2.3", "1 5", "--1", ".", "-",
    "1.5f", "1.5d", "１.５", "€1", "1\n", "\t1", "10000000000000000", "99999999999999999999999999999999999999999",
)  # fmt: skip
MOMENTS = {
    "2026-01-05T10:00:00Z": "2026-01-05 10:00:00",
    "2026-01-05 10:00:00": "2026-01-05 10:00:00",
    "2026-01-05T10:00": "2026-01-05 10:00:00",
    "2026-01-05 10:00Z": "2026-01-05 10:00:00",
    "2026-01-05T10:00+0530": "2026-01-05 04:30:00",
    "2026-01-05T10:00:00-08:00": "2026-01-05 18:00:00",
    "2026-01-05T10:00:00.1+01:00": "2026-01-05 09:00:00.1",
    "2026-01-05T10:00:00.123456Z": "2026-01-05 10:00:00.123456",
    "2026-01-05T10:00:00.123456789": "2026-01-05 10:00:00.123456",
    "2026-01-05T10:00:00.999999999Z": "2026-01-05 10:00:00.999999",
    "2026-01-05T10:00:00-0000": "2026-01-05 10:00:00",
    "2026-01-05T10:00:00+18:00": "2026-01-04 16:00:00",
    "2026-03-29T02:30:00": "2026-03-29 02:30:00",
    "2024-02-29T00:00": "2024-02-29 00:00:00",
    "1969-12-31T23:59:59.999999Z": "1969-12-31 23:59:59.999999",
    "0001-01-02T00:00:00+18:00": "0001-01-01 06:00:00",
    "9999-12-31T23:59:59Z": "9999-12-31 23:59:59",
    "0001-01-01T00:00:00Z": "0001-01-01 00:00:00",
    "0001-01-01 00:00": "0001-01-01 00:00:00",
    "0001-01-01T01:00+0100": "0001-01-01 00:00:00",
    "0001-01-01T00:00:00.000001-00:00": "0001-01-01 00:00:00.000001",
    "9999-12-31T23:59:59.999999999Z": "9999-12-31 23:59:59.999999",
    "9999-12-31T22:59:59.999999-01:00": "9999-12-31 23:59:59.999999",
    "9999-12-31 12:00+14:00": "9999-12-30 22:00:00",
}
NO_MOMENTS = (
    "", "2026-01-05", "2026-01-05T10", "2026-01-05T24:00:00Z", "2026-01-05T24:00", "2026-01-05T10:00:60Z",
    "2026-01-05T10:60", "1767607872", "1767607872000", "2026-01-05T10:00:00 Europe/Berlin", "2026-01-05T10:00:00 UTC",
    "2026-01-05T10:00:00Z\n", "2026-01-05T10:00\n", "2026-01-05T10:00:00Z ", " 2026-01-05T10:00:00Z", "2026-1-5T7:8:9Z",
    "2026-01-05T10:00:00+18:01", "2026-01-05T10:00:00+19:00", "2026-01-05T10:00:00+05", "2026-01-05T10:00:00+5:30",
    "2026-01-05T10:00:00+05:60", "T10:00", "T10", "10:00", "12026-01-05T10:00:00Z", "+2026-01-05T10:00:00Z",
    "2026-02-29T00:00", "2026-13-01T00:00", "2026-00-01T00:00", "2026-01-05T10:00:00.Z", "2026-01-05t10:00:00z",
    "2026-01-05T10:00:00.1234567890Z", "2026-01-05T10:00:00,5Z", "2026-01-05  10:00", "２026-01-05T10:00", "now",
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "9999-12-31 23:59-0100",
    "0001-01-01T00:59:59.999999+01:00", "0000-12-31T23:30:00-01:00", "0001-01-01T24:00:00Z", "9999-12-31T24:00:00Z",
    "0001-01-01", "9999-12-31T23:59:60Z", "9999-12-31T23:59:59Z\n",
)  # fmt: skip
DAYS = {"2026-01-05": "2026-01-05", "2024-02-29": "2024-02-29", "0001-01-01": "0001-01-01", "9999-12-31": "9999-12-31"}
NO_DAYS = ("", "2026-02-29", "2026-1-5", "20260105", "2026-01-05\n", " 2026-01-05", "2026-01-05T00:00", "0000-01-01",
           "05.01.2026", "2026-01", "12026-01-05", "today")  # fmt: skip
TRUTHS = {"true": "true", "TRUE": "true", "True": "true", "false": "false", "False": "false"}
NO_TRUTHS = ("", "1", "0", "t", "f", "yes", "no", " true", "true ", "true\n", "ｔrue")

TABLE = [
    ("int", INTEGERS, (*NO_INTEGERS, "2147483648", "-2147483649", "99999999999")),
    ("bigint", INTEGERS | {"99999999999": "99999999999", "-9223372036854775808": "-9223372036854775808"},
     (*NO_INTEGERS, "9223372036854775808")),
    ("decimal(18,2)", CENTS, NO_CENTS),
    ("decimal(5,0)", {"5": "5", "99999": "99999"}, ("5.", "5.0", ".5", "100000", "")),
    ("decimal(38,10)",
     {"0.0000000001": "1E-10", "1234567890123456789012345678.5": "1234567890123456789012345678.5000000000"},
     ("0.00000000001", "12345678901234567890123456789")),
    ("timestamp", MOMENTS, NO_MOMENTS),
    ("date", DAYS, NO_DAYS),
    ("boolean", TRUTHS, NO_TRUTHS),
    ("string", {"": "", " a ": " a ", "ü\n": "ü\n"}, ()),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "taken", "refused"), TABLE, ids=[type_ for type_, _, _ in TABLE])
def test_a_type_takes_exactly_these_texts(spark: SparkSession, type_: str, taken: Any, refused: Any) -> None:
    expected = [*taken.items(), *((text, None) for text in refused), (None, None)]
    rows = spark.createDataFrame(expected, "text string, value string").coalesce(1)
    value = parse_text(F.col("text"), FieldType.parse(type_)).alias("value")
    found = rows.select("text", value)
    assert found.schema["value"].dataType.simpleString() == type_
    spelled = F.col("value").cast("string").alias("value")
    assert_df_equality(found.select("text", spelled), rows, ignore_nullable=True)


def test_a_key_of_one_part_is_its_value_and_of_several_parts_their_texts_joined(spark: SparkSession) -> None:
    row = "'a|b' AS s, 7 AS i, TIMESTAMP '1970-01-01 00:00:01' AS t, DATE '2026-01-05' AS d, true AS b, 1.50 AS m"
    rows = spark.sql(f"SELECT {row}")
    types = {
        name: FieldType.parse(type_)
        for name, type_ in [
            ("s", "string"),
            ("i", "int"),
            ("t", "timestamp"),
            ("d", "date"),
            ("b", "boolean"),
            ("m", "decimal(3,2)"),
        ]
    }
    alone = [key_text([(name, types[name])]).alias(name) for name in types]
    together = key_text(list(types.items())).alias("together")
    assert [*rows.select(*alone, together).collect()[0]] == [
        "a|b", "7", "1000000", "2026-01-05", "true", "1.50", "a\\|b|7|1000000|2026-01-05|true|1.50",
    ]  # fmt: skip


def test_spark_and_arrow_spell_every_key_alike(spark: SparkSession) -> None:
    """Spark spells the key that is looked for, Arrow the ones that history has."""
    types = ["decimal(38,10)", "decimal(20,0)", "date", "timestamp", "boolean", "bigint", "string"]
    texts = [
        ("0.0000000000", "0", "0001-01-01", "0001-01-01T00:00Z", "true", "-9223372036854775808", ""),
        ("-0.0000000001", "18446744073709551615", "9999-12-31", "9999-12-31T23:59:59.999999Z", "false", "0", "a|b\\"),
        ("9999999999999999999999999999.9999999999", "-1", "1582-10-10", "1582-10-10T00:00Z", "true", "1", "\0"),
    ]
    kinds = {f"k{n}": FieldType.parse(type_) for n, type_ in enumerate(types)}
    rows = spark.createDataFrame(texts, ", ".join(f"{name} string" for name in kinds))
    rows = rows.select(*[parse_text(F.col(name), kind).alias(name) for name, kind in kinds.items()])
    told = rows.select(
        "*",
        key_text(list(kinds.items())).alias("all"),
        *[key_text([one]).alias(f"of_{one[0]}") for one in kinds.items()],
    )
    found = told.toArrow()
    assert not any(column.null_count for column in found.columns)
    assert arrow_key_text(found, list(kinds)).to_pylist() == found["all"].to_pylist()
    for name in kinds:
        assert arrow_key_text(found, [name]).to_pylist() == found[f"of_{name}"].to_pylist()
