from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.dockerfile import DOCKER, stages, variables

from config.groups import variables as settings
from config.settings import load

if TYPE_CHECKING:
    from pathlib import Path

FILE = DOCKER / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PRODUCT = {name for name, service in SERVICES.items() if service.get("image", "").startswith("tallylake:")}
#: ${NAME}, ${NAME:-what it is without} or ${NAME:?what is said without}.
REFERENCE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$|_URL$")
#: What has to be given.
GIVEN = {
    "POSTGRES_ADMIN_PASSWORD": "x" * 16,
    "TALLYLAKE_PASSWORD": "y",
    "TALLYLAKE_API_PASSWORD": "z",
    "API_KEY": "k" * 16,
}


def texts(value: Any) -> list[str]:
    """Every text in it, at any depth."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    return [text for one in value for text in texts(one)] if isinstance(value, list) else [str(value)]


def filled_in(text: str, given: dict[str, str]) -> str:
    return REFERENCE.sub(lambda found: given.get(found[1]) or (found[3] if found[2] == "-" else ""), text)


def environment(service: str, given: dict[str, str]) -> dict[str, str]:
    return {name: filled_in(str(value), given) for name, value in SERVICES[service].get("environment", {}).items()}


def documented() -> dict[str, str]:
    lines = (DOCKER / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", "\n".join(lines), re.MULTILINE))


def test_postgres_the_stream_and_the_api_come_up_alone_and_kafka_with_debezium_by_profile() -> None:
    by_profile = {name: service.get("profiles", []) for name, service in SERVICES.items()}
    assert by_profile == {"postgres": [], "stream": [], "serve": [], "kafka": ["cdc"], "connect": ["cdc"]}


def test_every_image_is_of_one_version() -> None:
    assert all(re.fullmatch(r"[\w/-]+:\d+\.\d+(\.\d+)?[\w-]*", service["image"]) for service in SERVICES.values())


def test_what_is_built_here_is_of_the_project_s_version() -> None:
    version = tomllib.loads((DOCKER.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert {service["image"].rpartition(":")[2] for service in SERVICES.values() if "build" in service} == {version}


def test_what_is_built_is_a_stage_of_the_dockerfile() -> None:
    for service in SERVICES.values():
        if (build := service.get("build")) is not None:
            assert (DOCKER / build["context"] / build["dockerfile"]).samefile(DOCKER / "Dockerfile")
            assert build["target"] in stages()


def test_every_service_says_whether_it_is_well() -> None:
    for name, service in SERVICES.items():
        built = stages()[service["build"]["target"]] if "build" in service else None
        assert "healthcheck" in service or (built is not None and built.last("HEALTHCHECK") is not None), name


def test_what_a_service_waits_for_is_well_before_it_starts() -> None:
    for service in SERVICES.values():
        assert all(how == {"condition": "service_healthy"} for how in service.get("depends_on", {}).values())
    assert all("postgres" in SERVICES[name]["depends_on"] for name in PRODUCT)


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", filled_in(port, {})) for port in ports)


def test_no_password_is_written_down_and_none_is_made_up() -> None:
    secrets = {
        (name, variable): str(value)
        for name, service in SERVICES.items()
        for variable, value in service.get("environment", {}).items()
        if SECRET.search(variable)
    }
    assert len(secrets) == 7
    for (service, variable), value in secrets.items():
        marks = REFERENCE.fullmatch(value)
        assert marks is not None, f"{service}: {variable} is not taken from the environment"
        assert marks[2] == "?" or (marks[2] == "-" and not marks[3]), f"{service}: {variable} has a default"
    assert [name for name, value in documented().items() if SECRET.search(name) and value] == []


def test_only_a_login_that_is_not_used_by_default_may_be_left_out() -> None:
    assert environment("connect", {})["SHOP_PASSWORD"] == ""
    required = {found[1] for text in texts(SERVICES) for found in REFERENCE.finditer(text) if found[2] == "?"}
    assert required == set(GIVEN)
    assert required == {name for name, value in documented().items() if not value} - {
        "SHOP_PASSWORD",
        "DEFAULT_ARTIFACT_REPOSITORY",
    }


def test_every_variable_that_is_asked_for_is_explained_and_no_other() -> None:
    asked = {found[1] for text in texts(COMPOSE) for found in REFERENCE.finditer(text)}
    asked |= {name for service in SERVICES.values() if "build" in service for name in service["build"]["args"]}
    assert asked == set(documented())


def test_what_the_example_shows_is_the_default() -> None:
    defaults = {variable.name: variable.default for _, _, variable in settings()}
    for name, value in documented().items():
        if defaults.get(name) is not None and SECRET.search(name) is None:
            assert value == defaults[name], name


@pytest.mark.parametrize("name", sorted(PRODUCT))
def test_the_product_can_read_what_it_is_given_with_and_without_what_is_optional(name: str) -> None:
    known = {variable.name for _, _, variable in settings()}
    shown = {key: value for key, value in documented().items() if value}
    for given in (GIVEN, {**shown, **GIVEN}):
        env = {**variables(stages()["product"]), **environment(name, given)}
        assert set(SERVICES[name]["environment"]) <= known
        assert load({key: value for key, value in env.items() if key in known}, dotenv=None).database.host == "postgres"


def test_the_stream_publishes_as_the_owner_and_the_api_reads_as_one_who_only_reads() -> None:
    found = {name: load(environment(name, GIVEN), dotenv=None) for name in PRODUCT}
    assert (found["stream"].database.user, found["serve"].database.user) == ("tallylake", "tallylake_api")
    passwords = {name: one.database.password.reveal() for name, one in found.items() if one.database.password}
    assert passwords == {"stream": GIVEN["TALLYLAKE_PASSWORD"], "serve": GIVEN["TALLYLAKE_API_PASSWORD"]}
    assert found["serve"].serving.api_key is not None


def test_the_containers_of_the_product_have_no_privileges() -> None:
    for name in PRODUCT:
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


def test_what_is_kept_is_kept_in_volumes_that_are_declared() -> None:
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert {source for source, *_ in mounts if not source.startswith(".")} == set(COMPOSE["volumes"])
    assert all(
        (DOCKER / source).is_dir() and options == ["ro"] for source, _, *options in mounts if source.startswith(".")
    )


def test_kafka_tells_those_inside_and_outside_where_it_is() -> None:
    env = environment("kafka", {"KAFKA_PORT": "20000"})
    assert env["KAFKA_ADVERTISED_LISTENERS"] == "INSIDE://kafka:9092,OUTSIDE://127.0.0.1:20000"
    assert "bootstrap.servers=kafka:9092" in (DOCKER / "connect" / "worker.properties").read_text().splitlines()


def test_the_connector_has_no_password_and_asks_for_what_its_worker_has() -> None:
    worker = (DOCKER / "connect" / "worker.properties").read_text(encoding="utf-8")
    config = json.loads((DOCKER / "connect" / "shop.json").read_text(encoding="utf-8"))["config"]
    asked = set(re.findall(r"\$\{env:(\w+)\}", " ".join(config.values())))
    assert config["database.password"] == "${env:SHOP_PASSWORD}"
    assert asked == set(SERVICES["connect"]["environment"])
    allowed = re.search(r"allowlist\.pattern=(.*)", worker)
    assert allowed is not None
    assert all(re.fullmatch(allowed[1], name) for name in asked)


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker here")
def test_compose_itself_reads_it(tmp_path: Path) -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this docker has no compose")
    env_file = tmp_path / ".env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in GIVEN.items()))
    command = [
        "docker",
        "compose",
        "--file",
        str(FILE),
        "--env-file",
        str(env_file),
        "--profile",
        "cdc",
        "config",
        "--quiet",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
