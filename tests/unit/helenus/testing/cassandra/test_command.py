"""The ``helenus cassandra`` commands, with nodes that start at once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from helenus.cli import app
from helenus.testing.cassandra import Cluster

pytestmark = pytest.mark.usefixtures("fake_java")

Run = Callable[..., Result]
FREE = ("--port", "0", "--storage-port", "0", "--jmx-port", "0")


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "cluster"
    yield directory
    if (directory / "cluster.json").exists():
        Cluster.open(directory).delete()


@pytest.fixture
def run(directory: Path) -> Run:
    def run(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(
            app, ["cassandra", command, "--directory", str(directory), *arguments]
        )

    return run


def answer(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    read: dict[str, Any] = json.loads(result.stdout)
    return read


def test_up_starts_a_cluster_and_says_where_it_is(run: Run, directory: Path) -> None:
    started = answer(run("up", "--nodes", "3", "--json", *FREE))
    assert started["contact_points"] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    assert started["directory"] == str(directory)
    assert [node["state"] for node in started["nodes"]] == ["up", "up", "up"]


def test_up_twice_is_up_once(run: Run) -> None:
    assert answer(run("up", "--json", *FREE)) == answer(run("up", "--json", *FREE))


def test_progress_goes_to_stderr(run: Run) -> None:
    result = run("up", *FREE)
    assert result.exit_code == 0
    assert "Starting node 1 of 1" in result.stderr
    assert result.stdout.startswith("node 1  127.0.0.1:")


def test_status_tells_by_its_exit_code_whether_all_are_up(run: Run, directory: Path) -> None:
    run("up", "--nodes", "3", *FREE)
    assert run("status").exit_code == 0
    Cluster.open(directory).kill(3)
    result = run("status", "--json")
    assert result.exit_code == 3
    assert [node["state"] for node in json.loads(result.stdout)["nodes"]] == ["up", "up", "down"]


def test_down_keeps_the_data_and_can_be_said_twice(run: Run, directory: Path) -> None:
    run("up", *FREE)
    for _ in range(2):
        assert answer(run("down", "--json"))["nodes"][0]["state"] == "down"
    assert (directory / "node1" / "data").is_dir()
    assert answer(run("up", "--json", *FREE))["nodes"][0]["state"] == "up"


def test_down_can_delete_everything(run: Run, directory: Path) -> None:
    run("up", *FREE)
    assert run("down", "--delete").exit_code == 0
    assert not directory.exists()


def test_down_without_a_cluster_is_no_mistake(run: Run) -> None:
    assert run("down").exit_code == 0
    assert answer(run("down", "--json"))["nodes"] == []


def test_status_without_a_cluster_says_so(run: Run) -> None:
    result = run("status")
    assert result.exit_code == 3
    assert "There is no cluster in" in result.stderr


def test_logs_show_the_end_of_a_nodes_log(run: Run, directory: Path) -> None:
    run("up", *FREE)
    Cluster.open(directory).logs(1).write_text("one\ntwo\nthree\n")
    assert run("logs", "--lines", "2").stdout == "two\nthree\n"
    assert run("logs", "--lines", "0").stdout == ""
    assert run("logs", "--node", "2").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (("--nodes", "2"), 2, "1 or 3 nodes"),
        (("--heap", "much"), 2, "Write 512M or 1G"),
        (("--runner", "podman"), 2, "java and docker"),
        (("--runner", "docker"), 6, "There is no docker command"),
        (("--heap", "100000G"), 5, "MiB are available"),
    ],
)
def test_a_mistake_is_explained_and_has_an_exit_code(
    run: Run, arguments: tuple[str, ...], exit_code: int, says: str
) -> None:
    result = run("up", *FREE, *arguments)
    assert result.exit_code == exit_code
    assert says in result.stderr
    assert "Traceback" not in result.output


def test_an_address_in_use_is_explained(run: Run, tmp_path: Path) -> None:
    port = str(answer(run("up", "--json", *FREE))["port"])
    elsewhere = ("--directory", str(tmp_path / "other"))
    result = run("up", *FREE, "--port", port, *elsewhere)
    assert result.exit_code == 4
    assert f"127.0.0.1:{port}" in result.stderr


def test_a_node_that_dies_is_explained_with_its_last_words(run: Run, fake_java: Path) -> None:
    (fake_java / "broken").touch()
    result = run("up", *FREE)
    assert result.exit_code == 8
    assert "The commit log is damaged." in result.stderr


def test_a_directory_that_cannot_be_written_is_explained(run: Run) -> None:
    result = run("up", "--directory", "/proc/nowhere", *FREE)
    assert result.exit_code == 1
    assert "/proc/nowhere" in result.stderr
