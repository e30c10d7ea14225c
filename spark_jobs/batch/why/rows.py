"""Which rows of Bronze someone means: by their key, their row id, their change id, or their place in a file. Starts no Spark."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

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
    from schema_registry.contract import Contract, FieldType
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table

MOST = 50
#: More digits than a position has.
_DIGITS = 18


def meant(lake: Lake, subject: Subject, wanted: str) -> pc.Expression:
    """What holds of the Bronze rows that are meant.

    A key is looked for twice: by its typed value among the rows that were accepted and their repeats, whatever migration made it
    of; and as it came, in any spelling and under the names of any version, among all rows.
    """
    found = pc.field("row_id") == wanted
    source, _, position = wanted.rpartition(":")
    if source and position.isascii() and position.isdecimal() and len(position) <= _DIGITS:
        found |= (pc.field("source") == source) & (pc.field("source_position") == int(position))
    later = _added_later(lake.bronze(subject))
    if subject.kind == "changes":
        found |= pc.field("change_id") == wanted
    spelled = [_spelled(contract, subject, wanted, later) for contract in subject.contracts]
    judged = _of_key(lake, subject, wanted)
    return reduce(or_, [found, *spelled, pc.field("row_id").isin(judged)])


def _added_later(bronze: Table) -> list[str]:
    table = open_table(bronze.path)
    return added_later(table) if table is not None else []


def _spelled(contract: Contract, subject: Subject, wanted: str, later: list[str]) -> pc.Expression:
    """Rows whose fields, under this version's names of the key, spell the parts."""
    parts = split_key(wanted, contract.key)
    if len(parts) != len(contract.key):
        return pc.scalar(False)
    cells = [_cell(name, later) for name in contract.key]
    types = [_types(contract, subject.latest, place) for place in range(len(parts))]
    return reduce(and_, [_spells(*one) for one in zip(cells, parts, types, strict=True)])


def _cell(name: str, later: list[str]) -> pc.Expression:
    """A field's text; rows that came before it was known hold it in the rest."""
    if name not in later:
        return pc.field(name)
    return pc.coalesce(pc.field(name), pc.map_lookup(pc.field("payload_rest"), name, "first"))


def _types(contract: Contract, latest: Contract, place: int) -> set[FieldType]:
    """The types that a part of the key has: its version's own, and that of the latest, which judges it."""
    both = [each for each in (contract, latest) if len(each.key) == len(contract.key)]
    return {each.field(each.key[place]).type for each in both}


def _spells(cell: pc.Expression, part: str, types: set[FieldType]) -> pc.Expression:
    values = [parse_value(part, type_) for type_ in types if type_.name != "string"]
    patterns = [text_pattern(value) for value in values if value is not None]
    return reduce(or_, [cell == part, *[pc.match_substring_regex(cell, pattern) for pattern in patterns]])


def _of_key(lake: Lake, subject: Subject, wanted: str) -> pa.Array:
    """The ids of rows that were accepted under this key, and of those that repeat them."""
    key, latest = _typed(wanted, subject.latest), subject.latest
    if key is None:
        return pa.array([], pa.string())
    is_it = reduce(and_, [pc.field(name) == key[name][0] for name in latest.key])
    accepted = first_rows(lake.accepted(subject), is_it, ["row_id"])["row_id"]
    text = key_text(key, latest.key)[0].as_py()
    repeats = first_rows(lake.duplicates, pc.field("key") == text, ["row_id"], subject.name)["row_id"]
    return pa.concat_arrays([*accepted.chunks, *repeats.chunks, pa.array([], pa.string())])


def _typed(wanted: str, contract: Contract) -> pa.Table | None:
    """The key as one row of its typed columns; None where the text spells no such key."""
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
    """The first of a table's rows of which it holds, in the order in which they came: at most 50, and few more in memory."""
    files = files_of(table, subject)
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


def files_of(table: Table, subject: str | None = None) -> pads.Dataset | None:
    """The table's files as they stand now, only those of a subject where it is named and the table is kept by subject."""
    paths = live_paths(table, of_subject(subject) if subject is not None else None)
    return dataset(table, paths) if paths else None
