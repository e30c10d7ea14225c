"""Rows as they were at a moment, in Python, in SQL and on the command line, compared with the oracle.

Covers point_in_time/as_of, key_states and parsing, and cli/as_of.

Covers: spark_jobs.batch.point_in_time.key_states, spark_jobs.batch.point_in_time.parsing, spark_jobs.cli.as_of,
spark_jobs.render.as_of.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from support.change_sets import at, identified
from support.changes_oracle import Change, Oracle
from support.lakes import new_workspace

from schema_registry.contract import Contract, Field, FieldType
from spark_jobs.batch.point_in_time.as_of import as_of, register_as_of
from spark_jobs.batch.point_in_time.key_states import state_at
from spark_jobs.batch.point_in_time.parsing import parse_key, parse_moment
from spark_jobs.cli.app import main
from spark_jobs.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession
    from support.lakes import Workspace

BEGINNING = "version: 1\nkind: changes\nevent_time: event_ts\nsequence_by: seq\n"
TEXTS = """
fields:
  id: {type: bigint, required: true}
  name: {type: string}
  city: {type: string}
  phone: {type: string}
"""
CONTRACTS = {
    "things": f"subject: things\n{BEGINNING}key: [id]\nentity: thing\ntracked: [name, city]\npartial_updates: true{TEXTS}",
    "notes": f"subject: notes\n{BEGINNING}key: [id]\nentity: note\npartial_updates: true{TEXTS}",
    "lines": f"""subject: lines\n{BEGINNING}key: [order_id, line]
entity: line
fields:
  order_id: {{type: int, required: true}}
  line: {{type: string, required: true}}
  amount: {{type: "decimal(10,2)"}}
  paid_at: {{type: timestamp}}
""",
    "views": """subject: views
version: 1
kind: events
key: [id]
event_time: seen_at
fields:
  id: {type: string, required: true}
  seen_at: {type: timestamp, required: true}
""",
}
TRACKED = {"things": ("name", "city"), "notes": (), "lines": ()}
FIELDS = {"things": ("name", "city", "phone"), "notes": ("name", "city", "phone"), "lines": ("amount", "paid_at")}
PAID = datetime(2025, 12, 31, 23, 59, 59, 120_000, UTC)
VALUES: dict[str, list[Any]] = {
    "name": ["Ada", "Bob"],
    "city": [None, "Oslo", "Rome"],
    "phone": [None, "1", "2"],
    "amount": [Decimal("0.10"), Decimal("12345678.90"), None],
    "paid_at": [None, PAID],
}
LINES = ("a", "a|b", "a\\")
MICROSECOND = timedelta(microseconds=1)

#: The life of thing 100: there from minute 1, renamed at 2, away from 3 to 4. No truncate comes near it.
ADA = {"name": "Ada", "city": None, "phone": None}
LIFE = [
    Change("c", 100, 101, "made", at(1), ADA),
    Change("u", 100, 102, "renamed", at(2), {**ADA, "name": "Bob"}),
    Change("d", 100, 103, "gone", at(3)),
    Change("c", 100, 104, "again", at(4), ADA),
]
LINE = [
    Change("c", (7, "a|b"), 101, "line", at(1), {"amount": Decimal("12345678.90"), "paid_at": PAID}),
    Change("d", (7, "a|b"), 102, "off", at(2)),
]


class Shop:
    """A lake of things (with history), notes and lines (without), and what the oracle says of the same changes."""

    def __init__(self, root: Path) -> None:
        for name, text in CONTRACTS.items():
            (root / "contracts" / name).mkdir(parents=True)
            (root / "contracts" / name / "v1.yaml").write_text(text)
        self.workspace: Workspace = new_workspace(root, root / "contracts")
        self.oracles = {name: Oracle(fields=FIELDS[name], tracked=TRACKED[name]) for name in FIELDS}

    def take(self, name: str, batch: list[Change], file: str) -> None:
        self.oracles[name].apply(batch)
        self.workspace.drop(file, "".join(json.dumps(cells(name, change)) + "\n" for change in batch), name)

    def moments(self, name: str) -> list[datetime]:
        """Each time of a change, and the microseconds before and after it."""
        times = {change.event_ts for change in self.oracles[name].accepted}
        return sorted({time + step for time in times for step in (-MICROSECOND, timedelta(0), MICROSECOND)})

    def rows(self, name: str, moment: datetime) -> dict[Any, tuple[Any, ...]]:
        """The oracle's rows; where there is history, of what is not tracked, what the version came to."""
        oracle = self.oracles[name]
        if TRACKED[name]:
            found = {key: holding(versions, moment) for key, versions in oracle.versions().items()}
        else:
            found = {key: oracle.as_of(key, moment) for key in oracle.current()}
        return {key: tuple(row[field] for field in FIELDS[name]) for key, row in found.items() if row is not None}


def holding(versions: list[Any], moment: datetime) -> Any:
    held = [v.fields for v in versions if v.valid_from <= moment and (v.valid_to is None or moment < v.valid_to)]
    return held[0] if held else None


def cells(name: str, change: Change) -> dict[str, Any]:
    row = {"change_id": change.change_id, "op": change.op, "event_ts": change.event_ts.isoformat(), "seq": change.seq}
    if isinstance(change.key, tuple):
        row |= {"order_id": change.key[0], "line": change.key[1]}
    elif change.key is not None:
        row |= {"id": change.key}
    return row | {field: None if value is None else str(value) for field, value in change.fields.items()}


def some_changes(name: str, seed: int) -> list[Change]:
    """Changes of few keys whose sequences and times tie and disagree; one in five deletes, one in twenty truncates."""
    chosen = random.Random(f"{name} {seed}")
    return [one_change(name, chosen) for _ in range(40)]


def one_change(name: str, chosen: random.Random) -> Change:
    op: Any = chosen.choices(["u", "c", "d", "t"], [9, 6, 4, 1])[0]
    number, line, seq = chosen.randint(1, 6), chosen.choice(LINES), chosen.randint(1, 12)
    key: Any = (number, line) if name == "lines" else number
    partial = op == "u" and name != "lines" and chosen.random() < 0.5
    names = chosen.sample(FIELDS[name], 2) if partial else FIELDS[name]
    fields = {} if op in "dt" else {field: chosen.choice(VALUES[field]) for field in names}
    time = at(seq + chosen.choice([0, 0, 0, -5, 4]))
    return identified(
        Change(op, None if op == "t" else key, seq, "", time, fields, frozenset(names) if partial else None)
    )


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two files a subject; those of things are two batches, as its history must not depend on that."""
    made = Shop(tmp_path_factory.mktemp("as_of"))
    known = {"things": (LIFE[::2], LIFE[1::2]), "notes": (LIFE[2:], LIFE[:2]), "lines": (LINE[1:], LINE[:1])}
    for name, files in known.items():
        for number, own in enumerate(files):
            made.take(name, [*some_changes(name, number), *own], f"{number}.jsonl")
            if name == "things" or number:
                (books,) = made.workspace.drain(spark, name)
                assert (books.dead_letter, books.unaccounted) == (0, 0)
    return made


def found_rows(name: str, frame: DataFrame) -> dict[Any, tuple[Any, ...]]:
    rows = frame.toArrow().to_pylist()
    keys = [(row["order_id"], row["line"]) if name == "lines" else row["id"] for row in rows]
    assert len(set(keys)) == len(keys), "a key has one row at a time"
    return {key: tuple(row[field] for field in FIELDS[name]) for key, row in zip(keys, rows, strict=True)}


@pytest.mark.parametrize("name", FIELDS)
def test_all_rows_of_an_entity_are_as_the_oracle_says_at_any_moment(spark: SparkSession, shop: Shop, name: str) -> None:
    moments = shop.moments(name)
    for moment in (moments[len(moments) // 2], at(1000)):
        frame = as_of(spark, shop.workspace.lake, shop.workspace.subject(name), moment)
        assert found_rows(name, frame) == shop.rows(name, moment)


@pytest.mark.parametrize("name", FIELDS)
def test_every_key_is_as_the_oracle_says_at_and_around_the_changes(shop: Shop, name: str) -> None:
    lake, subject = shop.workspace.lake, shop.workspace.subject(name)
    for moment in shop.moments(name)[::4]:
        expected = shop.rows(name, moment)
        for key in shop.oracles[name].current():
            named = dict(zip(subject.latest.key, key if isinstance(key, tuple) else (key,), strict=True))
            answer = state_at(lake, subject, named, moment)
            row = None if answer.found is None else tuple(answer.found.row[field] for field in FIELDS[name])
            assert row == expected.get(key), (key, moment)
            assert (answer.change is None) == (answer.found is None)


def test_rows_with_history_name_their_version_and_a_naive_moment_is_in_utc(spark: SparkSession, shop: Shop) -> None:
    frame = as_of(spark, shop.workspace.lake, shop.workspace.subject("things"), at(2).replace(tzinfo=None))
    assert frame.columns == ["thing_key", "id", "name", "city", "phone", "valid_from", "valid_to", "version"]
    (row,) = frame.where("id = 100").toArrow().to_pylist()
    assert (row["name"], row["valid_from"], row["valid_to"], row["version"]) == ("Bob", at(2), at(3), 2)


def test_the_sql_function_gives_the_rows_of_one_moment_and_of_each_rows_own(spark: SparkSession, shop: Shop) -> None:
    for _ in range(2):
        assert register_as_of(spark, shop.workspace.lake, shop.workspace.registry) == ["things_as_of"]
    called = spark.sql(f"SELECT * FROM things_as_of(TIMESTAMP '{at(5):%Y-%m-%d %H:%M:%S}')")
    assert found_rows("things", called) == shop.rows("things", at(5))
    asked = [(number, key, at(number / 2)) for number in range(12) for key in (1, 100)]
    spark.createDataFrame(asked, "n int, id bigint, at timestamp").createOrReplaceTempView("asked")
    lateral = "SELECT a.n, t.id, t.name, t.city, t.phone FROM asked a, LATERAL things_as_of(a.at) t WHERE t.id = a.id"
    found = {(row[0], row[1]): tuple(row)[2:] for row in spark.sql(lateral).collect()}
    states = {(number, key): shop.rows("things", moment).get(key) for number, key, moment in asked}
    assert found == {place: row for place, row in states.items() if row is not None}
    spark.catalog.dropTempView("asked")


def test_a_reader_without_spark_finds_the_same_rows(shop: Shop) -> None:
    history = shop.workspace.lake.history(shop.workspace.subject("things"))
    assert history is not None
    things = pa.table(DeltaTable(history.path).scan().read_all())
    with duckdb.connect() as session:
        session.register("things", things)
        sql = "SELECT id, name, city, phone FROM things WHERE valid_from <= $1 AND $1 < valid_to"
        rows = session.execute(sql, [at(3)]).fetchall()
    assert {row[0]: row[1:] for row in rows} == shop.rows("things", at(3))


def test_both_bounds_reach_the_table_as_literals(spark: SparkSession, shop: Shop) -> None:
    frame = as_of(spark, shop.workspace.lake, shop.workspace.subject("things"), at(5))
    plan = str(frame._jdf.queryExecution().executedPlan())
    assert "<= 2026-01-05 12:05:00)" in plan
    assert "(2026-01-05 12:05:00 < valid_to#" in plan


def test_an_entity_that_was_never_streamed_has_no_rows(spark: SparkSession, shop: Shop, tmp_path: Path) -> None:
    empty = new_workspace(tmp_path, shop.workspace.registry.root)
    for name in ("things", "lines"):
        assert as_of(spark, empty.lake, empty.subject(name), at(1)).count() == 0
    assert register_as_of(spark, empty.lake, empty.registry) == []
    assert state_at(empty.lake, empty.subject("notes"), {"id": 1}, at(1)).outcome == "unknown"


def test_events_have_no_state(spark: SparkSession, shop: Shop) -> None:
    with pytest.raises(UsageError, match="views holds events, which have no state at a time: filter silver/views"):
        as_of(spark, shop.workspace.lake, shop.workspace.subject("views"), at(1))


class Tally:
    """The command, run in this process on the shop's lake: its exit code, what it printed, and what it complained of."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["as-of", *arguments])
        captured = self._capsys.readouterr()
        return int(ended.value.code or 0), captured.out, " ".join(captured.err.split())


@pytest.fixture
def tally(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tally:
    monkeypatch.setenv("LAKE_ROOT", str(shop.workspace.lake.root))
    monkeypatch.setenv("CONTRACTS_ROOT", str(shop.workspace.registry.root))
    return Tally(capsys)


def text(minutes: float) -> str:
    return at(minutes).replace(tzinfo=None).isoformat(" ")


def facts(printed: str) -> dict[str, str]:
    return dict(line.strip().split("  ", 1) for line in printed.splitlines()[1:])


def test_a_row_is_shown_with_its_bounds_and_the_change_that_made_it(tally: Tally) -> None:
    code, printed, complaint = tally("things", "100", "2026-01-05T13:02:30+01:00")
    assert (code, complaint) == (0, "")
    assert printed.splitlines()[0] == "things with id 100 at 2026-01-05 12:02:30 UTC"
    shown = facts(printed)
    assert shown.pop("version").startswith("2, surrogate key ")
    assert shown == {
        "id": "100",
        "name": "Bob",
        "city": "–",
        "phone": "–",
        "since": "2026-01-05 12:02:00 UTC",
        "until": "2026-01-05 12:03:00 UTC",
        "change": "renamed, sequence 102",
    }


def test_a_composite_key_is_joined_and_money_and_fractions_of_a_second_are_exact(tally: Tally) -> None:
    code, printed, _ = tally("lines", r"7|a\|b", text(1.5))
    assert code == 0
    assert facts(printed) == {
        "order_id": "7",
        "line": "a|b",
        "amount": "12345678.90",
        "paid_at": "2025-12-31 23:59:59.120000 UTC",
        "version": "1",
        "since": "2026-01-05 12:01:00 UTC",
        "until": "2026-01-05 12:02:00 UTC",
        "change": "line, sequence 101",
    }


def test_the_machine_form_keeps_decimals_and_times_exact(tally: Tally) -> None:
    code, printed, _ = tally("lines", r"7|a\|b", text(1), "--json")
    told = json.loads(printed)
    assert (code, told["standing"], told["key"]) == (0, "found", {"order_id": 7, "line": "a|b"})
    assert told["found"]["row"]["amount"] == "12345678.90"
    assert told["found"]["row"]["paid_at"] == "2025-12-31T23:59:59.120000+00:00"
    assert told["change"] == {"change_id": "line", "sequence": 101}


def test_the_machine_form_of_an_absence_has_the_states_around_it(tally: Tally) -> None:
    code, printed, complaint = tally("things", "100", text(3), "--json")
    told = json.loads(printed)
    assert (code, told["standing"], told["found"]) == (1, "deleted", None)
    assert (told["before"]["version"], told["after"]["version"]) == (2, 3)
    assert (told["after"]["valid_from"], told["after"]["valid_to"]) == ("2026-01-05T12:04:00+00:00", None)
    assert "was deleted" in complaint


def test_a_version_holds_from_its_first_microsecond_to_the_last_before_its_end(tally: Tally) -> None:
    assert facts(tally("things", "100", text(2))[1])["name"] == "Bob"
    assert facts(tally("things", "100", "2026-01-05 12:01:59.999999")[1])["name"] == "Ada"
    assert facts(tally("things", "100", "2026-01-05 12:02:59.999999")[1])["name"] == "Bob"
    assert tally("things", "100", text(3))[0] == 1
    assert tally("things", "100", "2026-01-05 12:03:59.999999Z")[0] == 1
    assert facts(tally("things", "100", text(4))[1])["until"] == "now"


ABSENCES = {
    "deleted and come again": (
        ("things", "100", text(3)),
        "the row of things with id 100 was deleted at 2026-01-05 12:03:00 UTC: "
        "version 2 ended at 2026-01-05 12:03:00 UTC, version 3 begins at 2026-01-05 12:04:00 UTC",
    ),
    "deleted for good": (
        ("lines", r"7|a\|b", "2026-02-01"),
        "the row of lines with order_id 7, line a|b was deleted at 2026-02-01 00:00:00 UTC: "
        "version 1 ended at 2026-01-05 12:02:00 UTC, and none has come since",
    ),
    "not yet": (
        ("notes", "100", "2026-01-05"),
        "there was no row of notes with id 100 yet at 2026-01-05 00:00:00 UTC: version 1 begins at 2026-01-05 12:01:00 UTC",
    ),
    "unknown": (("notes", "4242", "2026-03-01"), "there has never been a row of notes with id 4242"),
    "unknown to history": (("things", "4242", "2026-03-01"), "there has never been a row of things with id 4242"),
}


@pytest.mark.parametrize(("arguments", "complaint"), ABSENCES.values(), ids=ABSENCES.keys())
def test_where_there_was_no_row_one_sentence_says_why(tally: Tally, arguments: tuple[str, ...], complaint: str) -> None:
    assert tally(*arguments) == (1, "", complaint)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("things", "abc", "2026-03-01"), "the id of things is of type bigint: 'abc' is none"),
        (("things", "9223372036854775808", "2026-03-01"), "'9223372036854775808' is none"),
        (("lines", "2147483648|a", "2026-03-01"), "the order_id of lines is of type int: '2147483648' is none"),
        (("lines", "7", "2026-03-01"), "the key of lines is order_id|line, 2 parts: '7' has 1"),
        (("lines", "7|a|b", "2026-03-01"), "'7|a|b' has 3"),
        (("things", "1", "yesterday"), "'yesterday' is no moment: expected YYYY-MM-DD HH:MM[:SS]"),
        (("things", "1", "2026-02-30"), "'2026-02-30' is no moment"),
        (("things", "1", "2026-03-01 24:00"), "is no moment"),
        (("things", "1", "2026-03-01 15"), "is no moment"),
        (("things", "1", "0001-01-01T00:00+05:00"), "is no moment"),
        (("views", "1", "2026-03-01"), "views holds events, which have no state at a time"),
        (("nothing", "1", "2026-03-01"), "'nothing'"),
    ],
)
def test_wrong_usage_is_told_in_one_sentence(tally: Tally, arguments: tuple[str, ...], complaint: str) -> None:
    code, printed, told = tally(*arguments)
    assert (code, printed) == (2, "")
    assert complaint in told


def test_without_a_lake_the_command_says_so(tally: Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_ROOT", str(tmp_path / "nowhere"))
    code, _, told = tally("things", "1", "2026-03-01")
    assert code == 2
    assert "there is no lake at" in told


def test_moments_are_read_with_any_zone_and_without() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    spelled = ["2026-03-01 12:00", "2026-03-01T12:00:00Z", "2026-03-01 13:00:00.0+01:00", "2026-03-01T06:30-0530"]
    assert [parse_moment(each) for each in spelled] == [noon] * 4
    assert parse_moment("2026-03-01") == noon - timedelta(hours=12)
    assert parse_moment("2026-03-01T12:00:00.123456789") == noon + timedelta(microseconds=123_456)


def typed_key(text: str, *types: str) -> list[Any]:
    fields = tuple(Field(f"k{number}", FieldType.parse(type_)) for number, type_ in enumerate(types))
    names = tuple(field.name for field in fields)
    return list(parse_key(text, Contract("s", 1, "changes", names, "event_ts", fields)).values())


def test_a_key_of_any_types_is_read_as_key_text_writes_it() -> None:
    types = ("decimal(6,2)", "date", "timestamp", "boolean", "string")
    micros = int(at(0).timestamp()) * 1_000_000
    values = [Decimal("1.50"), date(2026, 1, 5), at(0), True, "a|b\\"]
    assert typed_key(rf"1.5|2026-01-05|{micros}|true|a\|b\\", *types) == values
    assert typed_key("2026-01-05 12:00", "timestamp") == [at(0)]
    assert typed_key(r"a|b\\", "string") == [r"a|b\\"]


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("1.555", "decimal(6,2)"),
        ("NaN", "decimal(6,2)"),
        ("5 Jan", "date"),
        ("yes", "boolean"),
        ("1_0", "int"),
        ("x", "timestamp"),
    ],
)
def test_text_that_spells_no_value_of_the_keys_type_is_refused(text: str, type_: str) -> None:
    with pytest.raises(UsageError, match="is none"):
        typed_key(text, type_)
