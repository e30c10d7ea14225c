"""config.settings: reading, precedence, errors, secrets.

Covers: config.groups.*, config.errors.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from config.errors import SettingsError
from config.settings import Settings, exposed, load


def refused(env: dict[str, str] | None = None, dotenv: Path | None = None) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load(env or {}, dotenv)
    assert str(caught.value).split("\n") == list(caught.value.problems.values())
    return caught.value.problems


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_nothing_set_gives_the_defaults() -> None:
    settings = load({}, None)
    assert settings == Settings()
    assert settings.lake.root == Path("data/lake")
    assert settings.streaming.max_batch_bytes == 256 * 1024 * 1024
    assert settings.data_quality.watermark_delay == timedelta(minutes=10)
    assert settings.database.url is None


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(dotenv: Path) -> None:
    dotenv.write_text("GENERATOR_SEED=1\nGENERATOR_ROWS=7\n")
    settings = load({"GENERATOR_SEED": "2"}, dotenv)
    assert (settings.generator.seed, settings.generator.rows) == (2, 7)
    sources = {row.variable: row.source for row in settings.rows()}
    assert sources["GENERATOR_SEED"] == "environment"
    assert sources["GENERATOR_ROWS"] == ".env"
    assert sources["GENERATOR_EVERY"] == "default"


def test_the_process_environment_is_read_and_left_alone(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENERATOR_SEED", "3")
    monkeypatch.delenv("GENERATOR_ROWS", raising=False)
    dotenv.write_text("GENERATOR_ROWS=7\n")
    assert load(dotenv=dotenv).generator.seed == 3
    assert "GENERATOR_ROWS" not in __import__("os").environ


def test_a_blank_value_counts_as_unset(dotenv: Path) -> None:
    dotenv.write_text("GENERATOR_ROWS=\n")
    settings = load({"LAKE_ROOT": "  "}, dotenv)
    assert settings.lake.root == Path("data/lake")
    assert settings.generator.rows == 100


def test_a_missing_file_is_no_error(dotenv: Path) -> None:
    assert load({}, dotenv) == Settings()


def test_every_wrong_variable_is_named_on_a_line_of_its_own(dotenv: Path) -> None:
    dotenv.write_text("LATE_POLICY=drop\n")
    problems = refused({"MAX_BATCH_BYTES": "3x", "GENERATOR_FAULT_RATE": "1.5"}, dotenv)
    assert set(problems) == {"LATE_POLICY", "MAX_BATCH_BYTES", "GENERATOR_FAULT_RATE"}
    assert problems["LATE_POLICY"] == (
        "LATE_POLICY is 'drop' in .env but must be flag or dead_letter: correct it, or remove it for the default, flag."
    )
    assert problems["GENERATOR_FAULT_RATE"] == (
        "GENERATOR_FAULT_RATE is '1.5' in the environment but must be a number from 0 to 1: "
        "correct it, or remove it for the default, 0.02."
    )


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("LAKE_ROOT", "s3://bucket/lake"),
        ("TRIGGER_INTERVAL", "10"),
        ("TRIGGER_INTERVAL", "2 days"),
        ("SPARK_MASTER", "local[0]"),
        ("DRIVER_MEMORY", "100m"),
        ("WATERMARK_DELAY", "-1 minute"),
        ("GENERATOR_SEED", "-1"),
        ("GENERATOR_FAULT_RATE", "nan"),
        ("GENERATOR_ROWS", "0"),
        ("RETRY_ATTEMPTS", "2.5"),
        ("LOG_LEVEL", "LOUD"),
        ("POSTGRES_PORT", "65536"),
        ("KAFKA_BOOTSTRAP_SERVERS", "broker"),
        ("KAFKA_TOPIC_PREFIX", "a topic"),
    ],
)
def test_a_value_out_of_form_or_range_is_refused(variable: str, text: str) -> None:
    assert list(refused({variable: text})) == [variable]


def test_a_misspelt_variable_in_the_file_is_refused_with_the_close_name(dotenv: Path) -> None:
    dotenv.write_text("WATERMARK_DELAYS=1 hour\nlake_root=x\n")
    problems = refused(dotenv=dotenv)
    assert problems["WATERMARK_DELAYS"] == (
        "WATERMARK_DELAYS in .env is unknown, but close to WATERMARK_DELAY: correct its name, or remove it."
    )
    assert "LAKE_ROOT" in problems["lake_root"]


def test_variables_of_others_are_ignored(dotenv: Path) -> None:
    dotenv.write_text("COMPOSE_PROJECT_NAME=x\nGRAFANA_PORT=1\n")
    assert load({"WATERMARK_DELAYS": "x"}, dotenv) == Settings()


def test_a_line_that_sets_nothing_is_refused(dotenv: Path) -> None:
    dotenv.write_text("# a comment\n\nLAKE_ROOT\n")
    assert refused(dotenv=dotenv) == {
        f"{dotenv} line 3": f"{dotenv} line 3 is not of the form NAME=value: correct it, or put # before it."
    }


def test_a_file_that_is_no_text_is_refused(dotenv: Path) -> None:
    dotenv.write_bytes(b"LAKE_ROOT=\xff\n")
    assert "UTF-8" in refused(dotenv=dotenv)[str(dotenv)]


def test_the_first_wait_is_at_most_the_longest() -> None:
    problems = refused({"RETRY_FIRST_WAIT": "2 minutes"})
    assert problems["RETRY_FIRST_WAIT"] == (
        "RETRY_FIRST_WAIT is 2 minutes but must be at most RETRY_LONGEST_WAIT, 1 minute: change one of them."
    )


def test_the_landing_is_not_the_lake() -> None:
    assert list(refused({"LAKE_ROOT": "data", "LANDING_ROOT": "./data"})) == ["LANDING_ROOT"]


def test_secrets_show_in_no_text() -> None:
    settings = load({"POSTGRES_PASSWORD": "hunter2", "DATABASE_URL": "postgresql://u:hunter2@h/d"}, None)
    shown = {row.variable: row.value for row in settings.rows()}
    assert shown["POSTGRES_PASSWORD"] == shown["DATABASE_URL"] == "***"
    password = settings.database.password
    assert password is not None
    assert password.reveal() == "hunter2"
    for text in (repr(settings), str(settings), f"{password}", f"{password!r}", repr(settings.rows())):
        assert "hunter2" not in text


def test_a_refused_secret_shows_in_no_message() -> None:
    sentence = refused({"DATABASE_URL": "mysql://u:hunter2@h/d"})["DATABASE_URL"]
    assert "DATABASE_URL is *** in the environment" in sentence
    assert "hunter2" not in sentence


def test_secrets_in_a_file_that_others_can_read_are_named_and_not_shown(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("API_KEY=0123456789abcdef\nSERVE_PORT=8001\n")
    for mode, names in ((0o644, ["API_KEY"]), (0o640, ["API_KEY"]), (0o600, [])):
        dotenv.chmod(mode)
        assert exposed(load({}, dotenv), dotenv) == names
    dotenv.chmod(0o644)
    assert exposed(load({"API_KEY": "fedcba9876543210"}, dotenv), dotenv) == []
    assert exposed(load({}, None), tmp_path / "none") == []
