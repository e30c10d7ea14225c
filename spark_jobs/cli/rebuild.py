"""``tally rebuild``: Spark, the rebuild of one subject with its progress, and what it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from schema_registry.registry import load as load_registry
from spark_jobs.batch.rebuild.run import Rebuild, RebuildResult
from spark_jobs.render import show
from spark_jobs.session import spark_session
from spark_jobs.storage.counts import count_rows

if TYPE_CHECKING:
    from config.settings import Settings
    from spark_jobs.batch.rebuild.compare import Comparison, KeyDifference
    from spark_jobs.lake import Lake

#: A value is shown up to this many characters.
WIDEST = 60


def run_rebuild(settings: Settings, lake: Lake, name: str, *, verify: bool, quiet: bool) -> RebuildResult:
    """Rebuild a subject of the registry; progress is shown on a terminal unless ``quiet``."""
    registry = load_registry(settings.lake.contracts)
    subject = registry.subject(name)
    lake.require_exists()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    hidden = quiet or not show.console.is_terminal
    with Progress(*columns, console=show.console, transient=True, disable=hidden) as progress:
        step = progress.add_task("starting Spark", total=max(1, count_rows(lake.bronze(subject))))
        spark = spark_session(settings)
        progress.update(step, description="judging Bronze again, then comparing")
        rebuild = Rebuild(spark, settings, registry, name, lambda books: progress.advance(step, books.rows_read))
        return rebuild.run(verify=verify)


def show_rebuilt(done: RebuildResult, lake: Lake) -> None:
    """What was compared, what differs, and how to go back."""
    if done.finished:
        show.say(f"{done.subject}: an earlier rebuild was interrupted while it swapped tables; that is finished now")
        show.say()
    names = ["", "rows live", "rows rebuilt", "content live", "content rebuilt", "keys that differ"]
    rows = [[c.table, c.live, c.rebuilt, c.live_hash, c.rebuilt_hash, c.differing] for c in done.compared]
    show.table(
        f"{done.subject}, judged again from {done.judged:,} rows of Bronze in {done.seconds:,.0f} s", names, rows
    )
    for table in done.compared:
        _show_differences(table)
    _show_verdict(done)
    if not done.verified_only:
        _show_way_back(done, lake)


def _show_differences(table: Comparison) -> None:
    if not table.differing:
        return
    rows = [[_key(one), column, *values] for one in table.examples for column, *values in _lines(one)]
    shown = f"the first {len(table.examples)} of " if len(table.examples) < table.differing else ""
    show.table(
        f"{table.table}: {shown}{table.differing:,} keys that differ", ["key", "column", "live", "rebuilt"], rows
    )


def _key(one: KeyDifference) -> str:
    return ", ".join(f"{name} {_text(value)}" for name, value in one.key.items())


def _lines(one: KeyDifference) -> list[list[str]]:
    if one.columns:
        return [[name, _text(live), _text(rebuilt)] for name, (live, rebuilt) in one.columns.items()]
    return [["(rows)", str(one.live_rows), str(one.rebuilt_rows)]]


def _text(value: Any) -> str:
    if value is None:
        return "–"
    text = show.moment(value) if hasattr(value, "hour") and not value.microsecond else str(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _show_verdict(done: RebuildResult) -> None:
    if done.waiting:
        part = "left out" if done.verified_only else "part of the rebuild"
        show.say(f"{done.waiting:,} rows had not been refined yet: {part}")
    same = ("the same content", "green") if done.equal else ("the content differs", "red")
    show.say(f"{done.subject}: ", same)
    if not done.equal and done.kind == "events":
        show.say(
            "Whether an event is late, and whether an old key with another time repeats, depends on what came in one batch: "
            "such rows can differ with nothing wrong.",
            style="dim",
        )
    show.say()


def _show_way_back(done: RebuildResult, lake: Lake) -> None:
    rows = [[table, version, f"{lake.root / table}"] for table, version in done.before.items()]
    show.table("Swapped in; the old content is kept until VACUUM", ["table", "as of version", "path"], rows, whole=True)
    show.say(
        "To read one as it was: name its path and VERSION AS OF. To go back: RESTORE the subject's own tables to these versions, "
        "of the ops tables, which hold all subjects' rows, take this subject's rows from theirs, and rename "
        f"_checkpoints/{done.subject}/{done.kept_checkpoint} to refine."
    )
    if done.reopened:
        show.say(
            f"{done.reopened:,} dead letters that had been resolved are refused by the contract again, and open.",
            style="yellow",
        )
