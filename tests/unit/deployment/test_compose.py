"""No engine runs here: what compose.yaml and the Dockerfile say is held against the code."""

import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from download_licensing.settings import Settings
from helenus.cli import app
from helenus.stores.cassandra import CassandraSettings, schema
from helenus.testing.cassandra import ClusterOptions
from helenus.testing.cassandra.configuration import NodeDirectory, cassandra_yaml
from helenus.testing.cassandra.release import IMAGE

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NODES = [name for name in SERVICES if name.startswith("cassandra-")]
OURS = ["migrate", "licensing"]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
LAST_STAGE = DOCKERFILE.rpartition("FROM ")[2]


def seeds(node: str) -> list[str]:
    return str(SERVICES[node]["environment"]["CASSANDRA_SEEDS"]).split(",")


def properties(node: str) -> dict[str, str]:
    """The settings of cassandra.yaml that are given to a node's Java."""
    flags = SERVICES[node]["environment"]["JVM_EXTRA_OPTS"].split()
    assert "-Dcassandra.config.allow_system_properties=true" in flags
    prefix = "-Dcassandra.settings."
    pairs = [flag.removeprefix(prefix) for flag in flags if flag.startswith(prefix)]
    return dict(pair.split("=") for pair in pairs)


@pytest.mark.parametrize("node", NODES)
def test_a_node_runs_the_release_that_tests_run_on(node: str) -> None:
    assert SERVICES[node]["image"] == IMAGE


@pytest.mark.parametrize("node", NODES)
def test_a_node_orders_and_keeps_writes_as_in_tests(node: str, tmp_path: Path) -> None:
    tested = cassandra_yaml(NodeDirectory(tmp_path, 1), ClusterOptions())
    given = properties(node)
    for name in ("paxos_variant", "commitlog_sync"):
        assert given.pop(name) == tested[name]
    # Of the image's cassandra.yaml, for "periodic"; with "batch", a node does not start on it.
    assert given == {"commitlog_sync_period": "0ms"}


@pytest.mark.parametrize("node", NODES)
def test_a_node_is_bounded_and_keeps_its_data(node: str) -> None:
    assert SERVICES[node]["environment"]["MAX_HEAP_SIZE"] == "512M"
    assert SERVICES[node]["environment"]["HEAP_NEWSIZE"]
    assert SERVICES[node]["mem_limit"] == "2g"
    assert SERVICES[node]["volumes"] == [f"{node}:/var/lib/cassandra"]
    assert node in COMPOSE["volumes"]
    assert SERVICES[node]["healthcheck"]["test"][:2] == ["CMD", "cqlsh"]


def test_three_nodes_join_one_after_another() -> None:
    assert len(NODES) == 3
    assert "depends_on" not in SERVICES[NODES[0]]
    for before, node in itertools.pairwise(NODES):
        assert SERVICES[node]["depends_on"] == {before: {"condition": "service_healthy"}}


def test_the_first_node_founds_the_ring_and_each_finds_it_again_without_any_one_other() -> None:
    assert seeds(NODES[0])[0] == NODES[0]
    for node in NODES:
        assert set(seeds(node)) >= set(NODES) - {node}
    for node in NODES[1:]:
        assert node not in seeds(node)


def test_the_keyspace_is_made_once_all_nodes_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[CassandraSettings] = []

    async def migrate(settings: CassandraSettings) -> dict[str, str]:
        asked.append(settings)
        return {"class": "NetworkTopologyStrategy", "dc1": "3"}

    monkeypatch.setattr(schema, "migrate", migrate)
    program, *arguments = SERVICES["migrate"]["command"]
    result = CliRunner().invoke(app, arguments)
    assert (program, result.exit_code) == ("helenus", 0), result.output
    data_center = SERVICES[NODES[0]]["environment"]["CASSANDRA_DC"]
    assert asked == [
        CassandraSettings(
            contact_points=tuple(NODES), keyspace="licensing", replication={data_center: 3}
        )
    ]
    assert SERVICES["migrate"]["depends_on"] == {NODES[-1]: {"condition": "service_healthy"}}


def test_the_service_uses_that_keyspace_once_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    service = SERVICES["licensing"]
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, value)
    cluster = Settings().cassandra()
    assert cluster.contact_points == tuple(NODES)
    assert (cluster.port, cluster.keyspace) == (9042, "licensing")
    assert service["command"] == ["download-licensing", "serve"]
    assert service["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert "/health/ready" in service["healthcheck"]["test"][-1]


def test_the_keys_that_sign_outlive_the_container() -> None:
    (volume,) = SERVICES["licensing"]["volumes"]
    name, _, path = volume.partition(":")
    assert name in COMPOSE["volumes"]
    assert f"DOWNLOAD_LICENSING_DATA_DIRECTORY={path}" in LAST_STAGE
    assert re.search(
        rf"install --directory --owner=licensing --mode=0700 {path}$", LAST_STAGE, re.MULTILINE
    )


def test_the_programs_are_ones_that_are_installed() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert {SERVICES[name]["command"][0] for name in OURS} <= set(scripts)


def test_nothing_is_published_but_the_service_and_that_to_this_machine_alone() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert published == {"licensing": ["127.0.0.1:8080:8080"]}
    assert not any("network_mode" in one for one in SERVICES.values())
    assert "DOWNLOAD_LICENSING_HOST=0.0.0.0" in LAST_STAGE  # of the container


@pytest.mark.parametrize("name", OURS)
def test_our_programs_run_without_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    users = re.findall(r"^USER (\S+)", LAST_STAGE, re.MULTILINE)
    assert users
    assert int(users[-1]) > 0
    assert LAST_STAGE.index("USER") > LAST_STAGE.index("RUN")


def test_the_image_has_what_is_locked_and_the_driver_is() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert "--requirement requirements/run.txt" in DOCKERFILE
    locked = (ROOT / "requirements/run.txt").read_text()
    assert re.search(r"^cassandra-driver==\S+ \\\n +--hash=sha256:", locked, re.MULTILINE)


def test_what_the_image_is_made_of_is_there_and_not_ignored() -> None:
    admitted = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for source in sources.split()
    }
    assert copied == admitted
    for source in copied:
        assert (ROOT / source).exists()
