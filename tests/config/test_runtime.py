"""config.runtime: which Java is found, which jars are required, Spark's configuration."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from config.errors import JavaNotFoundError, MissingJarsError
from config.runtime import JARS, ROOT, find_java, locked_jars, require_jars, spark_defaults
from config.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def java_home(folder: Path, version: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").write_text("#!/bin/sh\nexit 1\n")
    (folder / "bin" / "java").chmod(0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return folder


def own_java(folder: Path, version: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    (folder / "bin" / "java").chmod(0o755)
    return folder


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    env = {
        "JAVA_HOME": str(java_home(tmp_path / "a", "21.0.1")),
        "PATH": str(java_home(tmp_path / "b", "17.0.15") / "bin"),
    }
    java = find_java(env, tmp_path / "none")
    assert (java.version, java.named_by, java.home) == (21, "JAVA_HOME", tmp_path / "a")


def test_a_java_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    env = {
        "JAVA_HOME": str(java_home(tmp_path / "a", "1.8.0_402")),
        "PATH": str(java_home(tmp_path / "b", "17.0.15") / "bin"),
    }
    assert find_java(env, tmp_path / "none").named_by == "PATH"


def test_the_project_s_own_java_comes_last_and_must_run(tmp_path: Path) -> None:
    java = find_java({"PATH": str(tmp_path)}, own_java(tmp_path / "own", "25.0.2"))
    assert (java.version, java.named_by) == (25, ".runtime/java")


def test_where_no_java_fits_the_message_says_what_was_seen_and_the_way_out(tmp_path: Path) -> None:
    env = {"JAVA_HOME": str(java_home(tmp_path / "a", "11.0.2")), "PATH": str(java_home(tmp_path / "b", "26") / "bin")}
    with pytest.raises(JavaNotFoundError) as caught:
        find_java(env, tmp_path / "none")
    assert str(caught.value) == (
        "Spark needs Java 17 to 25 and none was found (JAVA_HOME has Java 11, PATH has Java 26): "
        "run `make setup` or set JAVA_HOME."
    )


def test_a_java_home_without_a_java_is_passed_over(tmp_path: Path) -> None:
    with pytest.raises(JavaNotFoundError, match="JAVA_HOME has none that runs"):
        find_java({"JAVA_HOME": str(tmp_path), "PATH": ""}, tmp_path / "none")


def test_missing_jars_are_named_with_the_way_out(tmp_path: Path) -> None:
    first, *others = locked_jars()
    for name in others:
        (tmp_path / name).touch()
    with pytest.raises(MissingJarsError) as caught:
        require_jars(tmp_path)
    assert caught.value.names == (first,)
    assert str(caught.value) == f"1 of Delta Lake's jars are not in {tmp_path} (first: {first}): run `make setup`."


def test_a_jar_that_was_changed_is_not_put_on_a_class_path(tmp_path: Path) -> None:
    for name in locked_jars():
        shutil.copyfile(JARS / name, tmp_path / name)
    require_jars(tmp_path)
    changed = tmp_path / next(iter(locked_jars()))
    changed.write_bytes(changed.read_bytes() + b"\0")
    with pytest.raises(MissingJarsError, match=r"has not the SHA-256 of config/jars.lock, so it is not used"):
        require_jars(tmp_path)


def test_the_configuration_names_the_locked_jars_and_no_others() -> None:
    jars = spark_defaults()["spark.jars"].split(",")
    assert sorted(jar.rsplit("/", 1)[1] for jar in jars) == sorted(locked_jars())


def test_paths_of_the_configuration_hold_from_any_folder() -> None:
    conf = spark_defaults()
    log4j = (ROOT / "config" / "log4j2.properties").as_uri()
    assert all(jar.startswith((ROOT / ".runtime" / "jars").as_uri()) for jar in conf["spark.jars"].split(","))
    assert conf["spark.driver.extraJavaOptions"] == f"-Xss8m -Dlog4j2.configurationFile={log4j}"


def test_the_driver_has_the_same_memory_however_it_is_started() -> None:
    shown = {row.variable: row.value for row in Settings().rows()}
    assert spark_defaults()["spark.driver.memory"] == shown["DRIVER_MEMORY"]


def test_every_property_has_a_comment_before_it() -> None:
    paragraphs = (ROOT / "config" / "spark-defaults.conf").read_text(encoding="utf-8").split("\n\n")
    assert all(paragraph.startswith("#") for paragraph in paragraphs)
