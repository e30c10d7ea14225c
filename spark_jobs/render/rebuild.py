"""Show what a rebuild compared, and the way back, for ``tally rebuild``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_jobs.render.terminal import say, show_table
from spark_jobs.render.values import moment_text, quantity

if TYPE_CHECKING:
    from spark_jobs.batch.rebuild.compare import Comparison, KeyDifference
    from spark_jobs.batch.rebuild.run import RebuildResult
    from spark_jobs.lake import Lake

#: A value is shown up to this many characters.
WIDEST = 60


def show_rebuild(result: RebuildResult, lake: Lake) -> None:
    """Show what was compared, what differs and, unless it only verified, how to go back to the old tables."""
    if result.finished:
        say(f"{result.subject}: an earlier rebuild was interrupted while it swapped tables; that is finished now")
        say()
    names = ["", "rows live", "rows rebuilt", "content live", "content rebuilt", "keys that differ"]
    rows = [[c.table, c.live, c.rebuilt, c.live_hash, c.rebuilt_hash, c.differing] for c in result.compared]
    show_table(
        f"{result.subject}, judged again from {result.judged:,} rows of Bronze in {result.seconds:,.0f} s", names, rows
    )
    for table in result.compared:
        _show_differences(table)
    _show_verdict(result)
    if not result.verified_only:
        _show_way_back(result, lake)


def _show_differences(table: Comparison) -> None:
    if not table.differing:
        return
    rows = [[_key(one), column, *values] for one in table.examples for column, *values in _lines(one)]
    shown = f"the first {len(table.examples)} of " if len(table.examples) < table.differing else ""
    keys = quantity(table.differing, "key that differs", "keys that differ")
    show_table(f"{table.table}: {shown}{keys}", ["key", "column", "live", "rebuilt"], rows)


def _key(one: KeyDifference) -> str:
    return ", ".join(f"{name} {_text(value)}" for name, value in one.key.items())


def _lines(one: KeyDifference) -> list[list[str]]:
    if one.columns:
        return [[name, _text(live), _text(rebuilt)] for name, (live, rebuilt) in one.columns.items()]
    return [["(rows)", str(one.live_rows), str(one.rebuilt_rows)]]


def _text(value: Any) -> str:
    if value is None:
        return "–"
    text = moment_text(value) if hasattr(value, "hour") and not value.microsecond else str(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _show_verdict(result: RebuildResult) -> None:
    if result.waiting:
        part = "left out" if result.verified_only else "part of the rebuild"
        say(f"{quantity(result.waiting, 'row')} had not been refined yet: {part}")
    same = ("the same content", "green") if result.equal else ("the content differs", "red")
    say(f"{result.subject}: ", same)
    if not result.equal and result.kind == "events":
        say(
            "Whether an event is late, and whether an old key with another time repeats, depends on what came in one batch: "
            "such rows can differ with nothing wrong.",
            style="dim",
        )
    say()


def _show_way_back(result: RebuildResult, lake: Lake) -> None:
    rows = [[table, version, f"{lake.root / table}"] for table, version in result.before.items()]
    show_table("Swapped in; the old content is kept until VACUUM", ["table", "as of version", "path"], rows, whole=True)
    say(
        "To read one as it was: name its path and VERSION AS OF. To go back: RESTORE the subject's own tables to these versions, "
        "of the ops tables, which hold all subjects' rows, take this subject's rows from theirs, and rename "
        f"_checkpoints/{result.subject}/{result.kept_checkpoint} to refine."
    )
    if result.reopened:
        be = "is" if result.reopened == 1 else "are"
        say(
            f"{quantity(result.reopened, 'dead letter')} that had been resolved {be} refused by the contract again, and open.",
            style="yellow",
        )
