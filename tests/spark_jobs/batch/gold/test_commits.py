"""A gold run's commits killed before and after each of them, and finished: every row is there once, and so is the run.

Covers gold/commits and record.

Covers: spark_jobs.batch.gold.record.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from support.lakes import Workspace, new_workspace

from spark_jobs.batch.gold import commits
from spark_jobs.batch.gold.commits import Commit, begin, finish, prepare_update, row_counts
from spark_jobs.batch.gold.record import GateResult, RunRecord, newest_run, read_gold_state, record_run
from spark_jobs.microbatch.commit import commit_batch
from spark_jobs.microbatch.journal import JournalError
from spark_jobs.storage.difference import TableVersion
from spark_jobs.storage.key_lookup import all_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table

Row = tuple[Any, ...]
ONE, TWO, THREE = (date(2026, 3, day) for day in (1, 2, 3))
MONTH = date(2026, 3, 1)
LINEAGE = "a" * 32
#: A table keyed by a number, of which a key has several rows; one of dates; and one with a key of two columns, text among them.
BEFORE: dict[str, list[Row]] = {
    "waiting_facts": [
        (1, "line", 10, Decimal("5.00")),
        (1, "line", 11, Decimal("6.00")),
        (2, "line", 20, Decimal("7.00")),
    ],
    "orders_by_status": [
        (ONE, "shipped", 1, Decimal("5.00"), Decimal(1)),
        (TWO, "pending", 2, Decimal("9.00"), Decimal(1)),
    ],
    "inferred_members": [("customer", -1, 1, datetime(2026, 3, 1, 12, tzinfo=UTC), 2)],
}
#: A row of a key that has two changes; a key goes; a key comes.
AFTER: dict[str, list[Row]] = {
    "waiting_facts": [
        (1, "line", 10, Decimal("5.00")),
        (1, "line", 11, Decimal("6.50")),
        (3, "payment", 30, Decimal("1.00")),
    ],
    "orders_by_status": [
        (ONE, "shipped", 1, Decimal("5.00"), Decimal(1)),
        (THREE, "pending", 2, Decimal("9.00"), Decimal(1)),
    ],
    "inferred_members": [("product", -1, 1, datetime(2026, 3, 2, 12, tzinfo=UTC), 3)],
}
WRITTEN = {"waiting_facts": 3, "orders_by_status": 1, "inferred_members": 1}


class KilledError(Exception):
    """Stands for a SIGKILL."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A lake whose three tables hold what a first run left."""
    workspace = new_workspace(tmp_path)
    run(workspace, 1, BEFORE)
    return workspace


def rows_with_keys(table: Table, rows: list[Row]) -> pa.Table:
    plain = [dict(zip(table.schema.names, row, strict=True)) for row in rows]
    return pa.Table.from_pylist(plain, schema=table.schema)


def content(lake: Lake, name: str) -> list[Row]:
    table = lake.gold(name)
    return sorted(tuple(row.values()) for row in all_rows(table, table.schema.names).to_pylist())


def everything(lake: Lake) -> dict[str, list[Row]]:
    return {name: content(lake, name) for name in AFTER}


def to(table: Table, wanted: list[Row]) -> Commit | None:
    """What brings a table from what it holds to these rows."""
    return prepare_update(table, rows_with_keys(table, wanted), all_rows(table, table.schema.names))


def record(number: int, **fields: Any) -> RunRecord:
    moment = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
    return RunRecord(f"run-{number}", LINEAGE, number, "run", THREE, None, THREE, moment, **fields)


def start(workspace: Workspace, number: int, wanted: dict[str, list[Row]]) -> list[Commit]:
    """Write down a run that brings the tables to these rows."""
    found = [made for name, rows in wanted.items() if (made := to(workspace.lake.gold(name), rows)) is not None]
    begin(workspace.lake, found, record(number))
    return found


def end(workspace: Workspace) -> RunRecord | None:
    return finish(workspace.lake, workspace.registry, workspace.settings.lake.logs / "gold", lambda _: None)


def run(workspace: Workspace, number: int, wanted: dict[str, list[Row]]) -> None:
    start(workspace, number, wanted)
    assert end(workspace) is not None


def runs(lake: Lake) -> list[tuple[int, str]]:
    rows = DeltaTable(lake.runs.path).to_pyarrow_table(columns=["run_number", "run_id"]).to_pylist()
    return sorted((row["run_number"], row["run_id"]) for row in rows)


def dies_at(monkeypatch: pytest.MonkeyPatch, point: int) -> None:
    """Points are counted over commits and booking: the even ones lie before each, the odd ones after it."""
    passed = iter(range(1_000))

    def dying(step: Callable[..., Any]) -> Callable[..., Any]:
        def steps(*args: Any, **kwargs: Any) -> Any:
            for does in (lambda: None, lambda: step(*args, **kwargs)):
                done = does()
                if next(passed) == point:
                    raise KilledError
            return done

        return steps

    monkeypatch.setattr(commits, "commit_batch", dying(commit_batch))
    monkeypatch.setattr(commits, "record_run", dying(record_run))


def test_the_same_content_again_is_no_commit(workspace: Workspace) -> None:
    for name, rows in BEFORE.items():
        assert to(workspace.lake.gold(name), rows[::-1]) is None
    assert to(workspace.lake.gold("daily_gmv"), []) is None


@pytest.mark.parametrize(
    ("name", "gone", "written"),
    [
        ("waiting_facts", {"1", "2"}, {1, 3}),
        ("orders_by_status", {"2026-03-02"}, {THREE}),
        ("inferred_members", {"customer|-1"}, {"product"}),
    ],
)
def test_only_keys_of_which_something_differs_are_written(
    workspace: Workspace, name: str, gone: set[str], written: set[Any]
) -> None:
    table = workspace.lake.gold(name)
    found = to(table, AFTER[name])
    assert found is not None
    assert (found.table, set(found.deleted_keys), found.rows) == (name, gone, WRITTEN[name])
    (part,) = found.parts
    bounds = json.loads(part.stats)
    edges = {bounds[side][table.key_columns[0]] for side in ("minValues", "maxValues")}
    assert edges == {str(each) if isinstance(each, date) else each for each in written}


def test_a_key_that_vanished_is_gone_and_nothing_is_written_for_it(workspace: Workspace) -> None:
    found = to(workspace.lake.gold("orders_by_status"), BEFORE["orders_by_status"][:1])
    assert found == Commit("orders_by_status", (), ("2026-03-02",))
    begin(workspace.lake, [found], record(2))
    end(workspace)
    assert content(workspace.lake, "orders_by_status") == BEFORE["orders_by_status"][:1]


def test_some_dates_of_a_table_are_brought_up_to_date_and_the_others_are_let_be(workspace: Workspace) -> None:
    table = workspace.lake.gold("orders_by_status")
    mine = rows_with_keys(table, BEFORE["orders_by_status"][:1])
    found = prepare_update(table, rows_with_keys(table, [(ONE, "cancelled", 1, Decimal("5.00"), Decimal(1))]), mine)
    assert found is not None
    begin(workspace.lake, [found], record(2))
    end(workspace)
    assert [row[:2] for row in content(workspace.lake, table.name.removeprefix("gold/"))] == [
        (ONE, "cancelled"),
        (TWO, "pending"),
    ]


@pytest.mark.parametrize("point", range(8))
def test_killed_before_or_after_any_commit_the_run_is_finished_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    start(workspace, 2, AFTER)
    with monkeypatch.context() as patch:
        dies_at(patch, point)
        with pytest.raises(KilledError):
            end(workspace)
    finished = end(workspace)
    assert finished is not None
    assert (finished.run_number, finished.output_row_counts["gold/waiting_facts"]) == (2, 3)
    assert everything(workspace.lake) == AFTER
    assert runs(workspace.lake) == [(1, "run-1"), (2, "run-2")]
    assert not workspace.lake.gold_journal.exists()
    assert end(workspace) is None


def test_killed_at_every_point_one_after_another_each_commit_is_made_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: version(workspace.lake.gold(name)) for name in AFTER}
    start(workspace, 2, AFTER)
    for point in (0, 1) * 4:  # before what is left to do first, and after it
        with monkeypatch.context() as patch:
            dies_at(patch, point)
            with pytest.raises(KilledError):
                end(workspace)
    end(workspace)
    assert {name: version(workspace.lake.gold(name)) - before[name] for name in AFTER} == dict.fromkeys(AFTER, 1)
    assert (version(workspace.lake.runs), everything(workspace.lake)) == (2, AFTER)


def version(table: Table) -> int:
    return DeltaTable(table.path).version()


def test_killed_while_it_is_written_down_a_run_has_changed_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dies)
        with pytest.raises(KilledError):
            start(workspace, 2, AFTER)
    assert workspace.lake.gold_journal.with_name(".journal.json.tmp").exists()
    assert end(workspace) is None
    assert (everything(workspace.lake), runs(workspace.lake)) == (BEFORE, [(1, "run-1")])
    run(workspace, 2, AFTER)
    assert everything(workspace.lake) == AFTER


def dies(*_: object) -> None:
    raise KilledError


def test_a_run_whose_part_is_gone_says_how_to_go_on(workspace: Workspace) -> None:
    waiting, by_status, _ = start(workspace, 2, AFTER)
    lost = Path(workspace.lake.gold("orders_by_status").path) / by_status.parts[0].path
    lost.unlink()
    with pytest.raises(JournalError) as told:
        end(workspace)
    assert told.value.exit_code == 1
    for named in (f"gold/orders_by_status/{lost.name} is gone", str(workspace.lake.gold_journal), "tally gold run"):
        assert named in str(told.value)
    assert waiting.rows == 3
    assert content(workspace.lake, "waiting_facts") == AFTER["waiting_facts"]


def test_a_part_that_is_gone_after_its_commit_does_no_harm(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an OPTIMIZE and a VACUUM between the kill and the next run would leave it."""
    waiting, *_ = start(workspace, 2, AFTER)
    with monkeypatch.context() as patch:
        dies_at(patch, 1)
        with pytest.raises(KilledError):
            end(workspace)
    (Path(workspace.lake.gold("waiting_facts").path) / waiting.parts[0].path).unlink()
    assert end(workspace) is not None
    assert runs(workspace.lake) == [(1, "run-1"), (2, "run-2")]


def test_a_journal_deleted_half_way_lets_no_later_commit_be_taken_for_done(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(workspace, 2, AFTER)
    with monkeypatch.context() as patch:
        dies_at(patch, 1)
        with pytest.raises(KilledError):
            end(workspace)
    workspace.lake.gold_journal.unlink()
    left = read_gold_state(workspace.lake)
    assert (left.run_number, dict(left.inputs)) == (1, {})
    assert left.lineage != LINEAGE
    last = {**AFTER, "waiting_facts": BEFORE["waiting_facts"]}
    found = [made for name, rows in last.items() if (made := to(workspace.lake.gold(name), rows)) is not None]
    begin(workspace.lake, found, replace(record(2), lineage=left.lineage))
    end(workspace)
    assert everything(workspace.lake) == last
    assert read_gold_state(workspace.lake).lineage == left.lineage


def test_a_run_that_is_on_record_is_what_the_next_goes_on_from(workspace: Workspace) -> None:
    at = {"orders": TableVersion("x", 7), "payments": TableVersion("y", 0)}
    begin(workspace.lake, [], record(2, inputs=at, dates_pending=(TWO,), dates_held=(ONE, THREE)))
    end(workspace)
    left = read_gold_state(workspace.lake)
    assert (left.lineage, left.run_number, left.inputs) == (LINEAGE, 2, at)
    assert (left.pending, left.held_back) == ({TWO}, {ONE, THREE})  # type: ignore[comparison-overlap]


def test_without_ops_runs_a_first_run_is_not_taken_for_the_one_before(workspace: Workspace) -> None:
    shutil.rmtree(workspace.lake.runs.path)
    left = read_gold_state(workspace.lake)
    assert (dict(left.inputs), left.run_number, len(left.lineage)) == ({}, 0, 32)
    found = [made for name, rows in AFTER.items() if (made := to(workspace.lake.gold(name), rows)) is not None]
    begin(workspace.lake, found, replace(record(1), lineage=left.lineage))
    end(workspace)
    assert everything(workspace.lake) == AFTER
    assert runs(workspace.lake) == [(1, "run-1")]


def test_a_journal_of_an_earlier_release_is_finished(workspace: Workspace) -> None:
    """It had no format: a list of commits, and the record."""
    (commit,) = start(workspace, 2, {"orders_by_status": BEFORE["orders_by_status"][:1]})
    plain = json.loads(workspace.lake.gold_journal.read_text())
    parts = [part.to_json() for part in commit.parts]
    older = {"commits": [{"table": commit.table, "parts": parts, "gone": list(commit.deleted_keys)}]}
    workspace.lake.gold_journal.write_text(json.dumps(older | {"record": plain["facts"]["record"]}))
    done = end(workspace)
    assert done is not None
    assert runs(workspace.lake)[-1] == (2, done.run_id)
    assert not workspace.lake.gold_journal.exists()
    assert to(workspace.lake.gold("orders_by_status"), BEFORE["orders_by_status"][:1]) is None


def test_a_record_survives_the_journal_with_all_its_types(workspace: Workspace) -> None:
    gates = (
        GateResult("order_totals", ONE, False, 2, "2 orders", ("order 1: 5.00 is not 6.00", "ordre 2: ½ ≠ “1”"), True),
        GateResult("row_counts", TWO, True),
    )
    told = record(
        2,
        status="held",
        runtime_seconds=1.25,
        processed_events_count=2**40,
        rows_written={"gold/fact_orders": 3},
        dates_built=(ONE, TWO),
        dates_held=(THREE,),
        waiting_lines=1,
        waiting_payments=2,
        gates=gates,
        inputs={"orders": TableVersion("x", 7)},
    )
    begin(workspace.lake, [], replace(told, start_date=ONE))
    wanted = replace(told, start_date=ONE, output_row_counts=dict(row_counts(workspace.lake, workspace.registry)))
    assert end(workspace) == wanted
    row = newest_run(workspace.lake)
    assert row is not None
    assert RunRecord.from_row(row) == wanted
    plain = json.loads((workspace.settings.lake.logs / "gold" / "run-2.json").read_text(encoding="utf-8"))
    assert plain["gates"][0]["rows"] == list(gates[0].rows)
    assert (plain["started_at"], plain["dates_built"]) == (
        "2026-03-04 05:06:07.890123+00:00",
        ["2026-03-01", "2026-03-02"],
    )
