"""config.groups and .env.example list the same settings."""

from __future__ import annotations

from pathlib import Path

from config.groups import variables
from config.settings import env_example, load

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_example_lists_every_setting_as_it_is() -> None:
    committed = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert committed == env_example(), "write it again: python -m config.settings > .env.example"


def test_every_setting_is_read_from_the_variable_that_names_it() -> None:
    names = [variable.name for _, _, variable in variables()]
    assert len(names) == len(set(names))
    assert [row.variable for row in load({}, None).rows()] == names


def test_the_example_can_be_used_as_it_is(tmp_path: Path) -> None:
    copy = tmp_path / ".env"
    lines = env_example().splitlines()
    copy.write_text("\n".join(line.removeprefix("# ") if "=" in line else line for line in lines), encoding="utf-8")
    assert load({}, copy).rows()[0].source == ".env"
    assert {row.value for row in load({}, copy).rows()} == {row.value for row in load({}, None).rows()}
