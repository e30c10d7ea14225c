"""The protocol without Spark: whatever fails, and whatever Spark hands over next, each row of a source is committed once.

The source is a list of numbers, and the checkpoint what Spark would note of it. A query appends each number to one table, puts it
under its key into another, and has the table of its reports written by the callback.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.tables_with_a_key import named, rows, scanned, table_with_a_key

from spark_jobs.microbatch import commit as microbatch_commit
from spark_jobs.microbatch import exactly_once
from spark_jobs.microbatch.commit import LostPartsError, writer_name
from spark_jobs.microbatch.exactly_once import ExactlyOnce, Handover
from spark_jobs.microbatch.journal import Facts, Journal, JournalError, PreparedBatch
from spark_jobs.microbatch.stream_state import BatchProgress
from spark_jobs.storage.append import append_once
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table


class FailedError(Exception):
    """The batch fails here, as where a disk is full."""


@dataclass(frozen=True, slots=True)
class Count(Facts):
    numbers: int


@dataclass
class Numbers:
    """A query over numbers, and all that it was asked to prepare and called back with."""

    root: Path
    prepared: list[tuple[int, bool]] = field(default_factory=list)
    reported: list[tuple[int, int, bool]] = field(default_factory=list)
    fails_in: str = ""
    batches: ExactlyOnce[Count] = field(init=False)

    def __post_init__(self) -> None:
        self.keyed = table_with_a_key(self.root, name="silver/keyed", path=str(self.root / "keyed"))
        self.log, self.reports = (
            dataclasses.replace(self.keyed, name=f"silver/{name}", path=str(self.root / name), key_columns=())
            for name in ("log", "reports")
        )
        self.note("metadata", '{"id": "query"}')
        self.start()

    @property
    def checkpoint(self) -> Path:
        return self.root / "checkpoint"

    def note(self, name: str, text: str) -> None:
        """Write a file of the checkpoint as Spark does."""
        path = self.checkpoint / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def plan(self, batch: int, until: int) -> None:
        """Have Spark plan a batch that ends with this number; it begins after the end of the batch before."""
        self.note(f"offsets/{batch}", f"v1\n{{}}\n{json.dumps({'number': until})}")

    def start(self) -> None:
        """Start the query: what it kept in memory is lost."""
        self.batches = ExactlyOnce(self.checkpoint, Count, self.committed, BatchProgress(), last_table=self.reports)

    def run(self, batch: int) -> None:
        """Hand the batch over, as it is planned."""
        self.batches.run_once(batch, self.prepare, (self.log, self.keyed))

    def prepare(self, handover: Handover[Count]) -> PreparedBatch[Count] | None:
        since, until = handover.source.since, handover.source.until
        self.prepared.append((handover.number, handover.is_next))
        numbers = set(range(since["number"] + 1 if since else 0, until["number"] + 1 if until else 0))
        if not handover.is_next:
            numbers -= set(self.committed_numbers())
        if not numbers:
            return None
        parts = self.parts(sorted(numbers))
        if self.fails_in == "prepare":
            raise FailedError
        return PreparedBatch(handover.number, parts, Count(len(numbers)), handover.query, handover.source)

    def parts(self, numbers: Iterable[int]) -> tuple[Part, ...]:
        named_rows = rows({number: f"n{number}" for number in numbers})
        return (*write_parts(self.log, named_rows), *write_parts(self.keyed, named_rows))

    def committed(self, batch: PreparedBatch[Count], _seconds: float, again: bool) -> None:
        if self.fails_in == "callback":
            raise FailedError
        self.reported.append((batch.batch_id, batch.facts.numbers, again))
        report = write_parts(self.reports, rows({batch.batch_id: "report"}))
        append_once(self.reports, report, writer=writer_name("query", self.reports), version=batch.batch_id)

    def committed_numbers(self) -> list[int]:
        return _ids(self.log)

    def require(self, count: int, reports: Sequence[int]) -> None:
        """The numbers below ``count`` are in both tables once each, and each of these batches has its report, once."""
        assert self.committed_numbers() == list(range(count))
        assert named(scanned(self.keyed.path)) == {number: f"n{number}" for number in range(count)}
        assert _ids(self.reports) == list(reports)


def _ids(table: Table) -> list[int]:
    return sorted(scanned(table.path)["id"].to_pylist()) if (Path(table.path) / "_delta_log").exists() else []


@pytest.fixture
def query(tmp_path: Path) -> Numbers:
    return Numbers(tmp_path)


def test_batches_that_follow_each_other_are_prepared_and_reported_once_each(query: Numbers) -> None:
    for batch, until in enumerate((2, 3, 7)):
        query.plan(batch, until)
        query.run(batch)
    query.require(8, reports=[0, 1, 2])
    assert query.prepared == [(0, True), (1, True), (2, True)]
    assert query.reported == [(0, 3, False), (1, 1, False), (2, 4, False)]


def test_a_batch_that_is_handed_over_once_more_is_neither_prepared_nor_committed_but_reported_after_a_start(
    query: Numbers,
) -> None:
    query.plan(0, 2)
    query.run(0)
    query.run(0)
    assert query.reported == [(0, 3, False)]
    query.start()
    query.run(0)
    assert query.reported == [(0, 3, False), (0, 3, True)]
    assert query.prepared == [(0, True)]
    query.require(3, reports=[0])


def fail_once(patch: pytest.MonkeyPatch, name: str, owner: object = microbatch_commit) -> None:
    """Have the first call of a function fail before it does anything."""
    real, calls = getattr(owner, name), []

    def fails(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise FailedError
        return real(*args, **kwargs)

    patch.setattr(owner, name, fails)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("name", ["sync_parts", "save", "append_once", "replace_once", "after commits"])
def test_a_batch_that_fails_anywhere_is_finished_with_the_next_try_or_start(
    query: Numbers, monkeypatch: pytest.MonkeyPatch, name: str, restarted: bool
) -> None:
    """Before the journal is written it is prepared anew, and after it never: the verdicts of a batch are given once."""
    query.plan(0, 2)
    query.run(0)
    query.plan(1, 4)
    with monkeypatch.context() as patch:
        owner = {"sync_parts": exactly_once, "save": Journal, "after commits": query}.get(name, microbatch_commit)
        if owner is query:
            patch.setattr(query, "fails_in", "callback")
        else:
            fail_once(patch, name, owner)
        with pytest.raises(FailedError):
            query.run(1)
    if restarted:
        query.start()
    query.run(1)
    query.require(5, reports=[0, 1])
    tries = 2 if name in ("sync_parts", "save") else 1
    assert query.prepared == [(0, True), *[(1, True)] * tries]
    assert query.reported == [(0, 3, False), (1, 2, False)]


def test_what_prepare_wrote_before_it_failed_is_removed(query: Numbers) -> None:
    query.plan(0, 2)
    query.fails_in = "prepare"
    with pytest.raises(FailedError):
        query.run(0)
    assert [*Path(query.log.path).rglob("*.parquet"), *Path(query.keyed.path).rglob("*.parquet")] == []
    query.fails_in = ""
    query.run(0)
    query.require(3, reports=[0])


@pytest.mark.parametrize("until", [4, 9])
def test_a_batch_that_is_planned_anew_commits_what_is_new_in_it_under_a_number_of_its_own(
    query: Numbers, until: int
) -> None:
    """Spark's plan of batch 1 is lost, and the new one ends elsewhere, or at the same place."""
    for batch, end in ((0, 2), (1, 3)):
        query.plan(batch, end)
        query.run(batch)
    query.plan(1, until)
    query.start()
    query.run(1)
    query.require(until + 1, reports=[0, 1, 2])
    assert query.prepared[-1] == (2, False)
    query.plan(2, until + 2)
    query.run(2)
    query.require(until + 3, reports=[0, 1, 2, 3])
    assert query.prepared[-1] == (3, True)


def test_a_batch_that_is_planned_anew_with_nothing_new_commits_nothing_and_is_not_reported(query: Numbers) -> None:
    for batch, end in ((0, 2), (1, 3)):
        query.plan(batch, end)
        query.run(batch)
    (query.checkpoint / "offsets" / "1").unlink()
    query.plan(0, 3)
    query.start()
    query.run(0)
    query.require(4, reports=[0, 1])
    assert query.prepared[-1] == (2, False)


def test_a_batch_half_committed_whose_plan_is_lost_is_finished_before_the_new_one_is_prepared(
    query: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    query.plan(0, 2)
    query.run(0)
    query.plan(1, 4)
    with monkeypatch.context() as patch:
        fail_once(patch, "replace_once")
        with pytest.raises(FailedError):
            query.run(1)
    query.plan(1, 6)
    query.start()
    query.run(1)
    query.require(7, reports=[0, 1, 2])
    assert query.reported == [(0, 3, False), (1, 2, False), (2, 2, False)]


def test_a_table_that_lost_its_entry_gets_it_again_though_the_report_is_there(query: Numbers) -> None:
    query.plan(0, 2)
    query.run(0)
    entries = sorted((Path(query.keyed.path) / "_delta_log").glob("*.json"))
    entries[-1].unlink()
    query.start()
    query.run(0)
    query.require(3, reports=[0])
    assert query.reported == [(0, 3, False), (0, 3, True)]


def test_a_prepared_batch_of_which_parts_are_lost_is_prepared_anew_unless_some_of_it_is_visible(
    query: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    query.plan(0, 2)
    for name in ("append_once", "replace_once"):
        with monkeypatch.context() as patch:
            fail_once(patch, name)
            with pytest.raises(FailedError):
                query.run(0)
        for part in Path(query.keyed.path).glob("*.parquet"):
            part.unlink()
        query.start()
        if name == "append_once":
            continue
        with pytest.raises(
            LostPartsError, match="batch 0 is committed to silver/log, but 1 of its other parts are gone"
        ):
            query.run(0)
    assert query.prepared == [(0, True), (0, True)]
    assert query.reported == []


def test_a_journal_file_that_is_cut_off_is_of_no_harm_until_something_of_its_batch_is_visible(
    query: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    query.plan(0, 2)
    with monkeypatch.context() as patch:
        fail_once(patch, "append_once")
        with pytest.raises(FailedError):
            query.run(0)
    query.note("prepared/0.json", '{"format": 2, "batch')
    query.start()
    query.run(0)
    query.require(3, reports=[0])
    query.note("prepared/0.json", '{"format": 2, "batch')
    query.start()
    with pytest.raises(JournalError, match="restore it from a backup"):
        query.run(0)


@pytest.mark.parametrize("knows_its_source", [False, True])
def test_a_batch_that_an_earlier_release_prepared_is_finished(
    query: Numbers, monkeypatch: pytest.MonkeyPatch, knows_its_source: bool
) -> None:
    """Before format 2 writer and source stood among the facts, and older releases noted neither."""
    query.plan(0, 2)
    with monkeypatch.context() as patch:
        fail_once(patch, "append_once")
        with pytest.raises(FailedError):
            query.run(0)
    path = query.checkpoint / "prepared" / "0.json"
    plain = json.loads(path.read_text())
    facts = {**plain["facts"], "query_id": plain["writer"], "made_of": plain["source"]}
    older = {"batch_id": 0, "parts": plain["parts"], "facts": facts if knows_its_source else plain["facts"]}
    path.write_text(json.dumps(older))
    query.start()
    query.run(0)
    query.plan(1, 4)
    query.run(1)
    query.require(5, reports=[0, 1])
    assert query.reported == [(0, 3, False), (1, 2, False)]
