from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.dockerfile import DOCKER, copied, stages, variables

from config.groups import variables as settings
from config.settings import load
from schema_registry.registry import load as load_registry
from spark_jobs.lake import Lake
from spark_jobs.microbatch.lock import sole_writer
from spark_jobs.microbatch.stream_state import QueryState, State, now, write_stream_state

ROOT = DOCKER.parent
STAGES = stages()
KEPT = {
    line.removeprefix("!") for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"
}


def test_every_stage_starts_from_an_image_of_one_version_or_from_another_stage() -> None:
    for name, stage in STAGES.items():
        assert stage.base in STAGES or re.fullmatch(r"[\w/]+:\d+\.\d+\.\d+[\w-]*", stage.base), name


def test_what_is_copied_is_there_and_is_all_that_the_build_is_given() -> None:
    given = {path for stage in STAGES.values() for path in copied(stage)}
    assert all((ROOT / path).exists() for path in given)
    assert {path.removesuffix("/worker.properties") for path in given} == KEPT
    assert (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()[1] == "*", "anything else is left out"


def test_the_packages_that_are_installed_are_those_that_are_copied() -> None:
    include = re.search(r"^include = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert include is not None
    assert set(re.findall(r'"(\w+)\*"', include[1])) <= set(copied(STAGES["product"]))


def test_the_product_does_not_run_as_root_and_owns_its_data_only() -> None:
    product = STAGES["product"]
    assert product.last("USER") == "tally"
    assert product.last("WORKDIR") == product.last("VOLUME") == "/data"
    assert "chown" not in str(product.instructions)


def test_what_it_sets_are_settings_that_can_be_read() -> None:
    env = variables(STAGES["product"])
    own = {name for name in env if not name.startswith(("PIP_", "PYTHON"))}
    assert own <= {variable.name for _, _, variable in settings()}
    found = load({name: env[name] for name in own}, dotenv=None)
    assert all(path.is_relative_to("/data") for path in (found.lake.root, found.lake.landing, found.lake.logs))
    assert found.lake.contracts.relative_to("/app") == load({}, dotenv=None).lake.contracts


def healthy(lake: Path) -> bool:
    """What the image's own health check says of a lake."""
    check = STAGES["product"].last("HEALTHCHECK")
    assert check is not None
    command = check.partition("CMD ")[2]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"LAKE_ROOT": str(lake), "LANDING_ROOT": str(lake / "input"), "LOG_ROOT": str(lake / "logs"), "PATH": path}
    return subprocess.run(["sh", "-c", command], cwd=ROOT, env=env, check=False, timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("missing", "state", "well"), [(0, "running", True), (1, "running", False), (0, "retrying", False)]
)
def test_a_stream_is_healthy_while_every_subject_is_locked_and_gets_on(
    tmp_path: Path, missing: int, state: State, well: bool
) -> None:
    lake = Lake(tmp_path)
    names = sorted(load_registry().subjects)
    write_stream_state(lake, names[-1], [QueryState(names[-1], "refine", state, now(), 5, "OSError: no room")])
    with ExitStack() as locks:
        for name in names[missing:]:
            locks.enter_context(sole_writer(lake.lock(name), name))
        assert healthy(tmp_path) == well
