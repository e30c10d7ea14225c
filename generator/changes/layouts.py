"""The columns of a day's files, and the choice of the file that a change goes into.

A subject has one main file a day. What that cannot hold goes into a part: ``_v1`` for rows of an old version without a
common header, ``_status`` for updates of orders under a header of key and status only.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from generator.changes.contracts import fields_of, latest_names, latest_version
from generator.clock import to_text
from schema_registry.contract import CHANGE_COLUMNS, VERSION_COLUMN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from generator.changes.change import Change

STATUS_FIELDS = ("order_id", "status")
BARE_EVERY = 16  # deletes whose sequence it divides have only the key, others the row as it was before


class Layout(NamedTuple):
    """The columns of one file. ``part`` is the end of its name, behind the day; ``versions`` are those of its rows."""

    subject: str
    part: str
    versions: tuple[int, ...]
    columns: tuple[str, ...]
    status_only: bool = False

    @property
    def header(self) -> tuple[str, ...]:
        """All columns in their usual order."""
        return (*CHANGE_COLUMNS, *self.columns)

    @property
    def names_version(self) -> bool:
        """True if rows name their version."""
        return VERSION_COLUMN in self.columns

    def can_hold(self, change: Change) -> bool:
        """Return True if the change can be written under this header."""
        return change.version in self.versions and (change.status_only or not self.status_only)

    @property
    def given_fields(self) -> tuple[int, ...] | None:
        """The places in the latest version's fields of those that a status-only header names; None under a full one."""
        fields = fields_of(self.subject)
        return tuple(fields.index(name) for name in STATUS_FIELDS) if self.status_only else None

    def writer(self, version: int) -> Callable[[Change], list[str]]:
        """Return the function that puts a change of that version under this header."""
        carried = latest_names(self.subject, version)
        sources = [carried.get(column, "") for column in self.columns]
        tail = [str(version)] if self.names_version else []
        names = sources[:-1] if self.names_version else sources
        key = fields_of(self.subject)[0]
        whole = itemgetter(*names) if all(names) else None

        def cells(change: Change) -> list[str]:
            op, row = change.op, change.row
            head = (change.change_id, op, to_text(change.moment_ms), str(change.seq))
            if whole and (op in "cru"):
                return [*head, *whole(row), *tail]
            if op == "d" and change.seq % BARE_EVERY == 0:
                row = {key: row[key]}
            return [*head, *[row.get(name, "") for name in names], *tail]

        return cells


def layouts_of(subject: str, day: int) -> tuple[Layout, ...]:
    """Return the layouts of a day's files, the main one first; the others are written if something goes into them."""
    latest = latest_version(subject)
    if latest == 1:
        return _single(subject, day)
    turn = day % 4
    if turn == 2:
        both = dict.fromkeys(name for version in (latest, 1) for name in latest_names(subject, version))
        return (Layout(subject, "", (1, latest), (*both, VERSION_COLUMN)),)
    # The columns of customers in version 1 would pass for version 2, so there the version is always named.
    names_old = subject == "customers" or turn == 3
    main = _layout(subject, "", latest, names_version=turn == 1)
    return (main, _layout(subject, "_v1", 1, names_version=names_old))


def _single(subject: str, day: int) -> tuple[Layout, ...]:
    main = _layout(subject, "", 1, names_version=day % 2 == 1)
    if subject != "orders" or day % 3 != 1:
        return (main,)
    columns = (*STATUS_FIELDS, VERSION_COLUMN) if day % 2 == 1 else STATUS_FIELDS
    return (main, Layout(subject, "_status", (1,), columns, status_only=True))


def _layout(subject: str, part: str, version: int, *, names_version: bool) -> Layout:
    columns = tuple(latest_names(subject, version))
    return Layout(subject, part, (version,), (*columns, VERSION_COLUMN) if names_version else columns)


def layout_for(change: Change, layouts: Sequence[Layout]) -> Layout:
    """Return the layout of the file that a change goes into: status-only if it may, else the one for its version."""
    return [each for each in layouts if each.can_hold(change)][-1]
