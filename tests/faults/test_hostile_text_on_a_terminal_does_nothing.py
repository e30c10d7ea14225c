"""Text of rows, names of files and sentences of others hold what a terminal, a log or a markup would obey: it is only shown.

Covers: spark_jobs.render.terminal, spark_jobs.batch.audit.result, spark_jobs.cli.settings.
"""

from __future__ import annotations

import ast
import json
import logging
import sys
import unicodedata
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from support.lakes import new_workspace

from config.runtime import ROOT
from schema_registry.errors import ContractError
from spark_jobs.batch.audit.result import Audit, Finding
from spark_jobs.batch.gold.record import GateResult, RunRecord
from spark_jobs.batch.point_in_time.key_states import Answer, Change, State
from spark_jobs.batch.rebuild.compare import Comparison, KeyDifference
from spark_jobs.batch.rebuild.run import RebuildResult
from spark_jobs.batch.report.page import _template
from spark_jobs.cli import app as cli
from spark_jobs.errors import TallyError
from spark_jobs.logs import escape_unconfigured_logs, log_to
from spark_jobs.publish.state import write_state
from spark_jobs.render.as_of import show_answer
from spark_jobs.render.audit import show_audits
from spark_jobs.render.gold import show_gold_run
from spark_jobs.render.rebuild import show_rebuild
from spark_jobs.render.terminal import console, say, show_table
from spark_jobs.storage.append import append_once
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.lakes import Workspace

    from spark_jobs.storage.table import Table

#: Clears the screen, sets a title (OSC, by ESC and by C1), turns writing round, begins a line of its own, is markup that ends what
#: never began, an emoji's code, a character that is not seen.
HOSTILE = "\x1b[2J\x1b]0;mine\x07\x9d0;mine\x9c\u202egpj.exe\u2066\r\nforged: balanced\x0b\t[/b][red][link=x]\\[/]:bomb:\u200b"
NAME = HOSTILE.replace("/", "") + ".csv"
NOON = datetime(2026, 1, 29, 12, tzinfo=UTC)


def assert_does_nothing(text: str, shown: str = "[/b][red][link=x]\\[/]:bomb:") -> None:
    """Each character is only seen, no line is begun by the text, and what it was can be told."""
    obeyed = {one for one in text if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert obeyed == {"\n"}
    assert not any(line.startswith("forged") for line in text.split("\n"))
    assert "\\x1b[2J" in text
    assert shown in text.replace("\n", "")


def put(table: Table, row: dict[str, Any]) -> None:
    rows = pa.Table.from_pylist([row], schema=table.schema)
    append_once(table, write_parts(table, rows), writer="test", version=1)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A lake with a dead letter and a landed file whose every text is hostile, and the commands pointed at it."""
    made = new_workspace(tmp_path)
    subject, text = made.subject(), HOSTILE
    where = {"row_id": "r-1", "source": f"ecommerce_events/{text}.csv", "source_position": 1, "ingested_at": NOON}
    put(
        made.lake.bronze(subject),
        {**where, "event_id": "e", "category": text, "payload_rest": [(text, text)], "ingest_date": NOON.date()},
    )
    reasons = [{"code": "not_allowed", "field": text, "detail": text * 50}]
    letter = {**where, "subject": subject.name, "reasons": reasons, "query_id": text, "batch_id": 0, "status": "open"}
    put(made.lake.dead_letters, {**letter, "dead_lettered_at": NOON})
    read = {"source": f"{subject.name}/{NAME}", "subject": subject.name}
    put(made.lake.files, {**read, "ingested_at": NOON, "bytes": 1, "status": "landed"})
    monkeypatch.setenv("LAKE_ROOT", str(tmp_path / "lake"))
    monkeypatch.setenv("LANDING_ROOT", str(tmp_path / "input"))
    monkeypatch.setenv("LOG_ROOT", str(tmp_path / "logs"))
    return made


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit):
        cli.main(arguments)
    said = capsys.readouterr()
    return said.out + said.err


def test_status_names_a_file_that_was_rewritten(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.drop(NAME, "other")
    assert_does_nothing(output_of(capsys, "status", "ecommerce_events"), "was rewritten after it was read")


def test_status_says_what_postgres_said(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    bronze = workspace.lake.bronze(workspace.subject()).name
    table = {"lake_table": bronze, "table": "raw_events", "shown": None, "error": HOSTILE}
    state = {"postgres": HOSTILE, "circuit": "open", "failures": 1, "error": HOSTILE, "tables": [table]}
    write_state(workspace.lake, state)
    assert_does_nothing(output_of(capsys, "status", "ecommerce_events"))


def test_why_shows_a_row_whole(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, "why", "e")
    assert_does_nothing(text)
    assert text.count("mine") >= 2 * 50
    assert "characters)" not in text
    assert_does_nothing(output_of(capsys, "why", f"no such {HOSTILE}"))


@pytest.mark.parametrize("command", [("status", "ecommerce_events"), ("why", "e")])
def test_json_is_exact_and_does_nothing(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    workspace.drop(NAME, "other")
    text = output_of(capsys, *command, "--json")
    assert {one for one in text if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} == {"\n"}
    (one,) = json.loads(text)
    if command[0] == "why":
        assert one["reasons"] == [{"code": "not_allowed", "field": HOSTILE, "detail": HOSTILE * 50}]
    else:
        assert one["files"]["rewritten"] == [f"ecommerce_events/{NAME}"]


#: Every number of an audit.
COUNTS: dict[str, Any] = {one.name: 1 for one in fields(Audit) if one.name not in ("subject", "findings", "manifest")}
FINDINGS = (Finding(f"keys of {HOSTILE}", 1, (HOSTILE, HOSTILE * 100)),)
DIFFERENCES = (KeyDifference({HOSTILE: HOSTILE}, 1, 1, {HOSTILE: (HOSTILE, HOSTILE * 100)}),)
GATE = GateResult("order_totals", NOON.date(), False, 1, HOSTILE, (HOSTILE, HOSTILE * 100))
RUN: dict[str, Any] = {
    "run_id": "r",
    "lineage": "l",
    "run_number": 1,
    "command": "run",
    "run_date": NOON.date(),
    "start_date": None,
}
STATE = State({"name": HOSTILE}, 1, NOON, None, None)
RENDERED: dict[str, Callable[[], None]] = {
    "audit": lambda: show_audits([Audit(**COUNTS, subject=HOSTILE, findings=FINDINGS)]),
    "rebuild": lambda: show_rebuild(
        RebuildResult("things", "events", True, 1, 0, (Comparison("t", 1, 1, differing=1, examples=DIFFERENCES),)),
        new_workspace(Path("unused")).lake,
    ),
    "gold": lambda: show_gold_run(RunRecord(**RUN, end_date=date(2026, 1, 29), started_at=NOON, gates=(GATE,))),
    "as-of": lambda: show_answer(Answer("t", {"id": HOSTILE}, NOON, STATE, Change(HOSTILE, 1), None, None)),
    "as-of nothing": lambda: show_answer(Answer("t", {"id": HOSTILE}, NOON, None, None, None, None)),
    "table": lambda: show_table(HOSTILE, [HOSTILE], [[HOSTILE]]),
    "sentence": lambda: say(HOSTILE, (HOSTILE, "bold")),
    "rule": lambda: console.rule(HOSTILE),
    "console": lambda: console.print(HOSTILE, HOSTILE),
}


@pytest.mark.parametrize("name", RENDERED)
def test_what_the_other_commands_show_does_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    RENDERED[name]()
    said = capsys.readouterr()
    assert_does_nothing(said.out + said.err, "[/b]" if name in ("table", "rule", "rebuild") else "[/b][red][link=x]")
    assert len(said.out + said.err) < 12_000


@pytest.mark.parametrize(
    "error", [TallyError(f"about {HOSTILE}"), ContractError(f"about {HOSTILE}"), ValueError(f"about {HOSTILE}")]
)
def test_an_error_that_quotes_it_is_a_sentence_or_a_trace(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr("spark_jobs.cli.settings.load_settings", failing)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    try:
        cli.main(["settings"])
    except SystemExit:
        pass
    except ValueError as unexpected:  # as Python itself ends
        sys.excepthook(type(unexpected), unexpected, unexpected.__traceback__)
    assert_does_nothing(capsys.readouterr().err.replace("\nforged", "\n  forged"))


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    logger = logging.getLogger("tallylake")
    before = list(logger.handlers), logger.level, logger.propagate
    yield logger
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:], logger.level, logger.propagate = before


def test_a_log_has_a_line_for_each_record_and_indents_the_rest(
    log: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to(tmp_path, "stream", "INFO", console=True)
    log.warning("%s was not read", HOSTILE)
    try:
        raise ValueError(HOSTILE + "\n2026-01-29 12:00:00 | INFO     |  forged")
    except ValueError:
        log.exception("about %s", HOSTILE)
    log.warning("long %s", "x" * 80_000)
    (path,) = tmp_path.iterdir()
    text = path.read_text(encoding="utf-8")
    assert text == capsys.readouterr().err
    assert_does_nothing(text)
    records = [line for line in text.splitlines() if not line.startswith("    ")]
    assert len(records) == 3
    assert all(line[19:22] == " | " and len(line) < 4_100 for line in records)


def test_what_is_logged_before_there_is_a_log_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert logging.lastResort is not None
    escape_unconfigured_logs()
    record = logging.LogRecord("tallylake", logging.WARNING, "", 0, "about %s", (HOSTILE,), None)
    logging.lastResort.handle(record)
    assert_does_nothing(capsys.readouterr().err)


def test_the_reports_page_shows_names_as_text_and_nothing_else() -> None:
    template = _template().environment.from_string('<td title="{{ name }}">{{ name }}{{ 12 }}</td>')
    text = template.render(name=f'<script>{HOSTILE}"')
    assert_does_nothing(text + "\n")
    assert "<script>" not in text
    assert text.count("&lt;script&gt;") == 2
    assert "12</td>" in text


@pytest.mark.parametrize(
    "arguments", [(HOSTILE,), ("status", f"--{HOSTILE}"), ("status", HOSTILE), ("gold", "run", "--date", HOSTILE)]
)
def test_what_was_typed_is_quoted_and_does_nothing(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert_does_nothing(output_of(capsys, *arguments), "[/b]")


def test_nothing_is_shown_by_another_way() -> None:
    """A console of one's own, a bare print or markup would not go through the one function that makes text harmless."""
    ways = {"print", "echo", "secho", "Console", "from_markup", "StreamHandler", "Formatter", "print_json"}
    own = {ROOT / "spark_jobs" / name for name in ("render/terminal.py", "logs.py")}
    found = []
    for package in ("spark_jobs", "serving", "generator", "schema_registry"):
        for path in sorted((ROOT / package).rglob("*.py")):
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            names = {getattr(one.func, "attr", getattr(one.func, "id", "")) for one in calls}
            on_console = any(
                isinstance(one.func, ast.Attribute) and getattr(one.func.value, "attr", "") in ("console", "errors")
                for one in calls
            )
            used = names & ways - ({"print"} if on_console else set())
            found += [f"{path.relative_to(ROOT)}: {used}"] if used and path not in own else []
    assert found == []
