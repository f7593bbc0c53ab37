"""No engine is needed: a stand-in for the command notes what it is told."""

import json
import os
from pathlib import Path

import pytest

from helenus.testing.cassandra import ClusterOptions
from helenus.testing.cassandra.configuration import NodeDirectory
from helenus.testing.cassandra.docker import (
    DockerContainers,
    container,
    run_arguments,
    usable_engine,
)
from helenus.testing.cassandra.errors import (
    ArtifactsUnavailable,
    ClusterNotRunning,
    RuntimeMissing,
)
from helenus.testing.cassandra.progress import silent
from helenus.testing.cassandra.release import IMAGE, VERSION
from helenus.testing.cassandra.runners import Life
from tests.unit.helenus.testing.cassandra.conftest import Script

LINUX = {"OSType": "linux", "OperatingSystem": "Debian GNU/Linux 13", "SecurityOptions": []}


@pytest.fixture
def node(tmp_path: Path) -> NodeDirectory:
    return NodeDirectory(tmp_path / "cluster", 2)


def engine(script: Script, tmp_path: Path, answers: dict[str, str]) -> Path:
    """A docker that answers by its first argument, and fails for all others."""
    cases = "\n".join(f"{name}) {answer} ;;" for name, answer in answers.items())
    log = tmp_path / "docker.log"
    script("docker", f'echo "$@" >> {log}\ncase "$1" in\n{cases}\n*) exit 1 ;;\nesac')
    return log


def info(**changes: object) -> dict[str, str]:
    return {"info": f"echo '{json.dumps({**LINUX, **changes})}'"}


def test_an_engine_on_this_machine_is_used(script: Script, tmp_path: Path) -> None:
    engine(script, tmp_path, info())
    assert usable_engine()


@pytest.mark.parametrize(
    "changes",
    [
        {"OperatingSystem": "Docker Desktop"},
        {"SecurityOptions": ["name=seccomp", "name=rootless"]},
        {"OSType": "windows"},
        {"ServerErrors": ["Cannot connect to the Docker daemon"]},
    ],
)
def test_an_engine_whose_host_network_is_not_ours_is_not(
    script: Script, tmp_path: Path, changes: dict[str, object]
) -> None:
    engine(script, tmp_path, info(**changes))
    assert not usable_engine()


def test_a_command_without_an_engine_is_not_used(script: Script, tmp_path: Path) -> None:
    engine(script, tmp_path, {})
    assert not usable_engine()
    with pytest.raises(RuntimeMissing):
        DockerContainers().prepare(silent)


@pytest.mark.usefixtures("commands")
def test_no_command_is_no_engine() -> None:
    assert not usable_engine()


def test_a_node_runs_on_the_host_network_as_the_user_in_its_own_directory(
    node: NodeDirectory,
) -> None:
    arguments = run_arguments(node, ClusterOptions(nodes=3, heap_mib=700))
    image = arguments.index(IMAGE)
    assert f"cassandra:{VERSION}" == IMAGE
    assert arguments[:2] == ["run", "--detach"]
    assert {
        "--network=host",
        "--entrypoint=java",
        f"--user={os.getuid()}:{os.getgid()}",
        f"--volume={node.path}:{node.path}",
        f"--name={container(node)}",
    } <= set(arguments[:image])
    assert "-Xmx700M" in arguments[image:]
    assert f"-Dcassandra.logdir={node.logs}" in arguments[image:]
    assert arguments[-1] == "org.apache.cassandra.service.CassandraDaemon"


def test_a_wrapper_takes_the_place_of_java(node: NodeDirectory) -> None:
    arguments = run_arguments(node, ClusterOptions(nodes=3, wrapper=("faketime", "+5s")))
    image = arguments.index(IMAGE)
    assert "--entrypoint=faketime" in arguments
    assert arguments[image + 1 : image + 3] == ["+5s", "java"]


def test_nodes_of_different_directories_never_share_a_container(tmp_path: Path) -> None:
    names = {
        container(NodeDirectory(tmp_path / name, number)) for name in "ab" for number in (1, 2)
    }
    assert len(names) == 4


def test_the_image_is_pulled_once(script: Script, tmp_path: Path) -> None:
    log = engine(script, tmp_path, {**info(), "image": "true", "pull": "true"})
    DockerContainers().prepare(silent)
    assert f"pull --quiet {IMAGE}" in log.read_text()
    log = engine(script, tmp_path, {**info(), "image": "echo 0123456789ab"})
    log.unlink()
    DockerContainers().prepare(silent)
    assert "pull" not in log.read_text()


def test_an_image_that_cannot_be_pulled_is_named(script: Script, tmp_path: Path) -> None:
    denied = "echo 'denied: no network' >&2; exit 1"
    engine(script, tmp_path, {**info(), "image": "true", "pull": denied})
    with pytest.raises(ArtifactsUnavailable, match=rf"{IMAGE}.*denied: no network"):
        DockerContainers().prepare(silent)


def test_signals_go_to_the_nodes_own_container(
    script: Script, tmp_path: Path, node: NodeDirectory
) -> None:
    log = engine(
        script,
        tmp_path,
        {
            "inspect": "echo running",
            "ps": "echo 0123456789ab",
            "logs": "echo output",
            "pause": "true",
            "rm": "true",
            "stop": "true",
        },
    )
    docker = DockerContainers()
    assert docker.life(node) is Life.RUNNING
    docker.pause(node)
    docker.stop(node, 60.0)
    name = container(node)
    told = log.read_text().splitlines()
    assert f"pause {name}" in told
    assert f"stop --time=60 {name}" in told
    assert told[-1] == f"rm --force {name}"
    assert node.output.read_text() == "output\n"


def test_a_container_that_is_not_there_has_ended(
    script: Script, tmp_path: Path, node: NodeDirectory
) -> None:
    log = engine(script, tmp_path, {"inspect": "exit 1", "ps": "true"})
    docker = DockerContainers()
    assert docker.life(node) is Life.ENDED
    assert docker.pid(node) is None
    with pytest.raises(ClusterNotRunning, match="Node 2"):
        docker.pause(node)
    docker.kill(node)
    assert "rm --force" not in log.read_text()
