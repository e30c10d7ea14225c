"""Names of tables and columns in Postgres: those of the lake, but where Postgres does not allow them."""

from __future__ import annotations

from hashlib import sha256

#: Postgres cuts longer names, and two that were cut alike would be one.
LONGEST = 63
#: Columns that every table of Postgres has.
SYSTEM_COLUMNS = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
_LONGEST_TABLE = LONGEST - len("_as_of")


def column_name(name: str) -> str:
    """Return the column's name in Postgres; ``xmin`` becomes ``xmin_``, and ``xmin_`` ``xmin__``, so that no two become one."""
    return shortened(f"{name}_" if name.rstrip("_") in SYSTEM_COLUMNS else name)


def table_name(name: str) -> str:
    """Return the table's name in Postgres, with room for those of its view (``v_…``) and its function (``…_as_of``)."""
    return shortened(name, _LONGEST_TABLE)


def qualified(schema: str, name: str) -> str:
    """Return the name with its schema, quoted, as ``to_regclass`` reads it."""
    return f'"{schema}"."{name}"'


def shortened(name: str, most: int = LONGEST) -> str:
    """Return the name; of one longer than ``most`` bytes its beginning, and eight digits of the SHA-256 of the whole."""
    whole = name.encode()
    if len(whole) <= most:
        return name
    return f"{whole[: most - 9].decode(errors='ignore')}_{sha256(whole).hexdigest()[:8]}"
