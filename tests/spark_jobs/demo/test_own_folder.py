from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from spark_jobs.cli.app import main
from spark_jobs.demo.own_folder import MARK, remake, require_own
from spark_jobs.errors import UsageError
from spark_jobs.storage.files import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTS = ("lake", "input", "report-*.html")


def content(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_folder_of_its_own_is_remake_and_what_someone_put_there_stays(tmp_path: Path) -> None:
    demo = tmp_path / "data" / "demo"
    for _ in range(2):
        remake(demo, "demo", PARTS)
        assert stat.S_IMODE(demo.stat().st_mode) == 0o700
        assert content(demo) == [MARK] if not (demo / "notes.txt").exists() else [MARK, "notes.txt"]
        (demo / "lake" / "silver").mkdir(parents=True)
        (demo / "report-2026-01-29.html").touch()
        (demo / "notes.txt").write_text("mine")
    remake(demo, "demo", PARTS)
    assert content(demo) == [MARK, "notes.txt"]


def test_what_a_part_is_a_link_to_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "lake").mkdir(parents=True)
    remake(tmp_path / "demo", "demo", PARTS)
    (tmp_path / "demo" / "lake").symlink_to(tmp_path / "elsewhere")
    remake(tmp_path / "demo", "demo", PARTS)
    assert content(tmp_path / "demo") == [MARK]
    assert (tmp_path / "elsewhere" / "lake").is_dir()


def of_someone(folder: Path) -> None:
    (folder / "photos").mkdir(parents=True)


def looks_like_a_demo(folder: Path) -> None:
    for name in ("lake", "manifests", "input", "logs"):
        (folder / name).mkdir(parents=True)


def of_another_command(folder: Path) -> None:
    remake(folder, "scenarios", ())


def a_link(folder: Path) -> None:
    remake(folder.with_name("real"), "demo", ())
    folder.symlink_to(folder.with_name("real"))


def a_file(folder: Path) -> None:
    folder.write_text("mine")


def with_a_mark_that_is_a_link(folder: Path) -> None:
    remake(folder.with_name("real"), "demo", ())
    folder.mkdir()
    (folder / MARK).symlink_to(folder.with_name("real") / MARK)


@pytest.mark.parametrize(
    "make",
    [of_someone, looks_like_a_demo, of_another_command, a_link, a_file, with_a_mark_that_is_a_link],
)
def test_whatever_it_did_not_make_is_left_alone(tmp_path: Path, make: Callable[[Path], None]) -> None:
    folder = tmp_path / "place"
    make(folder)
    before = content(tmp_path)
    with pytest.raises(UsageError, match="--out"):
        remake(folder, "demo", PARTS)
    assert content(tmp_path) == before


@pytest.mark.parametrize("command", ["demo", "scenarios"])
def test_the_commands_refuse_before_anything_is_started(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("", "customer-moves", "price-rises", "order-placed"):
        looks_like_a_demo(tmp_path / name)
    before = content(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([command, "--out", str(tmp_path)])
    assert ended.value.code == 2
    assert f"something that `tally {command}` did not make" in capsys.readouterr().err
    assert content(tmp_path) == before


def test_a_folder_that_is_made_is_its_owners_alone_and_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o750)
    for name, mode in (("lake", 0o700), ("shared", 0o750)):
        make_private_folder(tmp_path / name)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode


def test_an_empty_folder_may_be_taken(tmp_path: Path) -> None:
    require_own(tmp_path, "demo")
    remake(tmp_path, "demo", PARTS)
    require_own(tmp_path, "demo")
