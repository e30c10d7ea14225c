"""Compatibility of two versions of a subject: can one read the rows of the other? The levels are those of schema registries.

    backward     the newer version reads rows of the older: nothing that was valid is refused after migration
    forward      the older version reads rows of the newer: readers that were not updated yet go on working
    full         both
    none         no check

`…_transitive` checks against every earlier version, the plain level only against the one before.

Both directions are one comparison: can the field as read (the reader's version) refuse a text that is valid for the field as
written (the writer's version)? Per field, the reader must not

    require it where the writer did not         rows without it exist
    have a narrower or other type               int → bigint, int → a wide enough decimal, a wider decimal are
                                                wider; anything → string is, as rows arrive as text
    tighten enum, min, max, max_length,         values in between exist; a pattern may only stay as it is, as no
    pattern, not_before, not_future, non_blank  check tells if one expression allows all that another does

Backward, a field with a `migrate` entry in one of the versions compared is skipped: its text is rewritten, and the entry,
even "null", states what old rows get. So a newly required field needs an entry. Removed fields are allowed: their text is
kept among the extras. Forward, no entry helps, as nothing is migrated backwards: removing a required field breaks the level,
and an added field is an extra to the older version. Both ways the key and the event time must stay, or one row would be
two. Rules and derived columns are not compared: they say what a row means, not how it looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_registry.contract import Contract, Field, FieldType

LEVELS = (
    "backward",
    "forward",
    "full",
    "none",
    "backward_transitive",
    "forward_transitive",
    "full_transitive",
)

_INTEGER_DIGITS = {"int": 10, "bigint": 19}
_SAFE_DIGITS = {"int": 9, "bigint": 18}


def violations(older: Contract, newer: Contract, level: str, between: Sequence[Contract] = ()) -> list[str]:
    """Return one sentence per reason why `newer` breaks `level` towards `older`; an empty list if it keeps the level.

    ``between``: the versions between the two, in order; their migrations count too.
    """
    plain = level.removesuffix("_transitive")
    found: list[str] = []
    if plain in ("backward", "full"):
        found += _backward(older, newer, between)
    if plain in ("forward", "full"):
        found += _forward(older, newer)
    if plain != "none":
        found += _identity(older, newer, between)
    return list(dict.fromkeys(found))


def _backward(older: Contract, newer: Contract, between: Sequence[Contract]) -> Iterator[str]:
    """Yield reasons why the newer version may refuse a row that the older accepted."""
    migrated = {name for contract in (*between, newer) for name in contract.migrate}
    kept = (older, *between)
    for read in newer.fields:
        if read.name in migrated:
            continue
        if all(read.name in each.field_names for each in kept):
            yield from _refusals(older.field(read.name), read, newer.version, older.version)
        elif read.required:
            yield (
                f"field '{read.name}': v{newer.version} requires it and v{older.version} rows lack it, "
                f'add a migrate entry (even "null")'
            )


def _forward(older: Contract, newer: Contract) -> Iterator[str]:
    """Yield reasons why the older version may refuse a row that the newer accepted."""
    for read in older.fields:
        if read.name in newer.field_names:
            yield from _refusals(newer.field(read.name), read, older.version, newer.version)
        elif read.required or read.required_when is not None:
            yield f"field '{read.name}': v{older.version} requires it and v{newer.version} no longer has it"


def _identity(older: Contract, newer: Contract, between: Sequence[Contract]) -> Iterator[str]:
    """Yield reasons why a row of one version would be another row in the other."""
    key, event_time = older.key, older.event_time
    for step in (*between, newer):
        renamed = {old.strip("` "): new for new, old in step.migrate.items()}
        key = tuple(name if name in step.field_names else renamed.get(name, name) for name in key)
        event_time = event_time if event_time in step.field_names else renamed.get(event_time, event_time)
    if key != newer.key:
        yield f"key: it was {', '.join(older.key)} in v{older.version} and is {', '.join(newer.key)}"
    if event_time != newer.event_time:
        yield f"event_time: it was {older.event_time} in v{older.version} and is {newer.event_time}"


def _refusals(written: Field, read: Field, reader: int, writer: int) -> Iterator[str]:
    for reason in _narrower(written, read):
        yield f"field '{read.name}': v{reader} {reason}, so it may refuse v{writer} rows"


def _narrower(written: Field, read: Field) -> Iterator[str]:
    """Yield each requirement of the reader that the writer does not guarantee."""
    if read.required and not written.required:
        yield "requires it always"
    if read.required_when and not written.required and read.required_when != written.required_when:
        yield f"requires it when {read.required_when}"
    if not _reads_type(written.type, read.type):
        yield f"has type {read.type.sql} for {written.type.sql}"
        return
    yield from _narrower_values(written, read)
    yield from _narrower_text(written, read)


def _narrower_values(written: Field, read: Field) -> Iterator[str]:
    lost = sorted(set(written.enum) - set(read.enum))
    if read.enum and not written.enum:
        yield "allows only an enum"
    elif read.enum and lost:
        yield f"does not allow {', '.join(lost)}"
    if read.min is not None and (written.min is None or written.min < read.min):
        yield f"has min {read.min}"
    if read.max is not None and (written.max is None or written.max > read.max):
        yield f"has max {read.max}"
    if read.not_before is not None and (written.not_before is None or written.not_before < read.not_before):
        yield f"has not_before {read.not_before.isoformat()}"
    if read.not_future and not written.not_future:
        yield "has not_future"


def _narrower_text(written: Field, read: Field) -> Iterator[str]:
    longest = max(map(len, written.enum)) if written.enum else written.max_length
    if read.max_length is not None and (longest is None or longest > read.max_length):
        yield f"has max_length {read.max_length}"
    if read.pattern is not None and read.pattern != written.pattern:
        yield f"has pattern {read.pattern}"
    if read.non_blank and not written.non_blank and not written.enum:
        yield "has non_blank"


def _reads_type(written: FieldType, read: FieldType) -> bool:
    """True if every text of type `written` is also of type `read`."""
    if read == written or read.name == "string":
        return True
    if not (written.is_number and read.is_number):
        return False
    if written.is_integer and read.is_integer:
        return written.name == "int"
    if read.is_integer:
        return written.scale == 0 and _integer_digits(written) <= _SAFE_DIGITS[read.name]
    return _integer_digits(written) <= _integer_digits(read) and (written.scale or 0) <= (read.scale or 0)


def _integer_digits(type_: FieldType) -> int:
    """Return the most digits before the decimal point."""
    return _INTEGER_DIGITS.get(type_.name) or (type_.precision or 0) - (type_.scale or 0)
