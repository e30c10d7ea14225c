"""What tables and columns of the lake are called in Postgres: as in the lake, unless Postgres would not have it so."""

from __future__ import annotations

from hashlib import sha256

#: Postgres cuts longer names, and two that were cut alike would be one.
LONGEST = 63
#: Columns that every table of Postgres has.
SYSTEM_COLUMNS = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
_LONGEST_TABLE = LONGEST - len("_as_of")


def column_name(name: str) -> str:
    """The column's name in Postgres; ``xmin`` becomes ``xmin_``, and ``xmin_`` ``xmin__``, so that no two become one."""
    return fitted(f"{name}_" if name.rstrip("_") in SYSTEM_COLUMNS else name)


def table_name(name: str) -> str:
    """The table's name in Postgres, with room for those of its view (``v_…``) and its function (``…_as_of``)."""
    return fitted(name, _LONGEST_TABLE)


def fitted(name: str, most: int = LONGEST) -> str:
    """The name; of one that is too long its beginning, and eight digits of the SHA-256 of the whole."""
    whole = name.encode()
    if len(whole) <= most:
        return name
    return f"{whole[: most - 9].decode(errors='ignore')}_{sha256(whole).hexdigest()[:8]}"
