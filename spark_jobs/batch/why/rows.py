"""Finds rows of Bronze by their key, row id, change id, or place in a file (``file:position``). Starts no Spark."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.batch.point_in_time.parsing import parse_value, split_key
from spark_jobs.batch.why.text_patterns import text_pattern
from spark_jobs.lake import of_subject
from spark_jobs.schemas import arrow_type
from spark_jobs.storage.add_actions import live_paths
from spark_jobs.storage.create import added_later
from spark_jobs.storage.keys import key_text
from spark_jobs.storage.open_tables import open_table
from spark_jobs.storage.scans import dataset

if TYPE_CHECKING:
    import pyarrow.dataset as pads

    from schema_registry.contract import Contract, FieldType
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table

#: Rows of a subject that are found at most.
MOST = 50
#: More digits than a position has.
_DIGITS = 18


def wanted_rows(lake: Lake, subject: Subject, wanted: str) -> pc.Expression:
    """Return a condition that is true of the Bronze rows that the text names.

    A key is looked for twice: by its typed value among the rows that were accepted and their repeats, from whatever text a
    migration made it; and as it came, in any spelling and under the names of any version, among all rows.
    """
    named = pc.field("row_id") == wanted
    source, _, position = wanted.rpartition(":")
    if source and position.isascii() and position.isdecimal() and len(position) <= _DIGITS:
        named |= (pc.field("source") == source) & (pc.field("source_position") == int(position))
    later = _columns_added_later(lake.bronze(subject))
    if subject.kind == "changes":
        named |= pc.field("change_id") == wanted
    spelled = [_spelled(contract, subject, wanted, later) for contract in subject.contracts]
    judged = _judged_under(wanted, lake, subject)
    return reduce(or_, [named, *spelled, pc.field("row_id").isin(judged)])


def _columns_added_later(bronze: Table) -> list[str]:
    table = open_table(bronze.path)
    return added_later(table) if table is not None else []


def _spelled(contract: Contract, subject: Subject, wanted: str, later: list[str]) -> pc.Expression:
    """Return a condition that is true of rows whose fields, by this version's names of the key, spell its parts."""
    parts = split_key(wanted, contract.key)
    if len(parts) != len(contract.key):
        return pc.scalar(False)
    cells = [_cell(name, later) for name in contract.key]
    types = [_types(contract, subject.latest, place) for place in range(len(parts))]
    return reduce(and_, [_has_value(*one) for one in zip(cells, parts, types, strict=True)])


def _cell(name: str, later: list[str]) -> pc.Expression:
    """Return a field's text; rows that came before the field was known have it in payload_rest."""
    if name not in later:
        return pc.field(name)
    return pc.coalesce(pc.field(name), pc.map_lookup(pc.field("payload_rest"), name, "first"))


def _types(contract: Contract, latest: Contract, place: int) -> set[FieldType]:
    """Return the types that a part of the key has: in this version, and in the latest, by which it is judged."""
    both = [each for each in (contract, latest) if len(each.key) == len(contract.key)]
    return {each.field(each.key[place]).type for each in both}


def _has_value(cell: pc.Expression, part: str, types: set[FieldType]) -> pc.Expression:
    values = [parse_value(part, type_) for type_ in types if type_.name != "string"]
    patterns = [text_pattern(value) for value in values if value is not None]
    return reduce(or_, [cell == part, *[pc.match_substring_regex(cell, pattern) for pattern in patterns]])


def _judged_under(wanted: str, lake: Lake, subject: Subject) -> pa.Array:
    """Return the ids of rows that were accepted under this key, and of those that repeat them."""
    key, latest = _key_row(wanted, subject.latest), subject.latest
    if key is None:
        return pa.array([], pa.string())
    has_key = reduce(and_, [pc.field(name) == key[name][0] for name in latest.key])
    accepted = first_rows(lake.accepted(subject), has_key, ["row_id"])["row_id"]
    text = key_text(key, latest.key)[0].as_py()
    repeats = first_rows(lake.duplicates, pc.field("key") == text, ["row_id"], subject.name)["row_id"]
    return pa.concat_arrays([*accepted.chunks, *repeats.chunks, pa.array([], pa.string())])


def _key_row(wanted: str, contract: Contract) -> pa.Table | None:
    """Return the key as one row of its typed columns; None where the text spells no such key."""
    parts = split_key(wanted, contract.key)
    if len(parts) != len(contract.key):
        return None
    types = [contract.field(name).type for name in contract.key]
    values = [parse_value(part, type_) for part, type_ in zip(parts, types, strict=True)]
    if None in values:
        return None
    columns = [pa.array([value], arrow_type(type_)) for value, type_ in zip(values, types, strict=True)]
    return pa.table(columns, names=list(contract.key))


def first_rows(
    table: Table, wanted: pc.Expression, columns: list[str] | None = None, subject: str | None = None
) -> pa.Table:
    """Return the first of a table's rows that fit ``wanted``, in the order in which they came: at most 50, few more in memory."""
    files = dataset_of(table, subject)
    names = columns or table.data_schema.names
    found = pa.schema([table.data_schema.field(name) for name in names]).empty_table()
    if files is None:
        return found
    order = [(name, "ascending") for name in ("ingested_at", "source_position") if name in names]
    for batch in files.scanner(names, filter=wanted).to_batches():
        if batch.num_rows:
            found = pa.concat_tables([found, pa.Table.from_batches([batch])])
            found = (found.sort_by(order) if order else found).slice(0, MOST)
    return found


def dataset_of(table: Table, subject: str | None = None) -> pads.Dataset | None:
    """Return the table's current files, only those of a subject where one is named and the table is partitioned by it.

    None where there are no files.
    """
    paths = live_paths(table, of_subject(subject) if subject is not None else None)
    return dataset(table, paths) if paths else None
