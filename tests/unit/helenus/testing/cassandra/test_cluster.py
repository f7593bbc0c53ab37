"""The life of a cluster, with nodes that are processes like Cassandra's but start at once."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from helenus.testing.cassandra import Cluster, ClusterOptions
from helenus.testing.cassandra.configuration import NodeDirectory
from helenus.testing.cassandra.errors import (
    AddressInUse,
    ClusterNotRunning,
    InvalidClusterOptions,
    NodeFailed,
    RuntimeMissing,
)
from helenus.testing.cassandra.leftovers import clean_up_abandoned
from helenus.testing.cassandra.locations import temporary_home
from tests.unit.helenus.testing.cassandra.conftest import ANY_PORTS

THREE = ClusterOptions(nodes=3, native_port=0, storage_port=0, jmx_port=0)

NEVER_UP = ("/bin/sh", "-c", "while :; do /bin/sleep 0.1; done")

pytestmark = pytest.mark.usefixtures("fake_java")


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "cluster"
    yield directory
    if (directory / "cluster.json").exists():
        Cluster.open(directory).delete()


def states(cluster: Cluster) -> list[str]:
    return [node.state for node in cluster.status()]


def pids(cluster: Cluster) -> list[int | None]:
    return [node.pid for node in cluster.status()]


def test_a_temporary_cluster_is_gone_when_its_block_ends() -> None:
    with Cluster(THREE) as cluster:
        assert states(cluster) == ["up", "up", "up"]
        assert cluster.contact_points == ("127.0.0.1", "127.0.0.2", "127.0.0.3")
        assert cluster.port > 0
        running = pids(cluster)
    assert not any(pid and psutil.pid_exists(pid) for pid in running)
    assert not cluster.directory.exists()


async def test_it_can_be_used_in_async_code() -> None:
    async with Cluster(ANY_PORTS) as cluster:
        assert states(cluster) == ["up"]
    assert not cluster.directory.exists()


async def test_a_start_that_is_cancelled_leaves_nothing() -> None:
    options = ClusterOptions(native_port=0, storage_port=0, jmx_port=0, wrapper=NEVER_UP)
    cluster = Cluster(options)
    starting = asyncio.create_task(cluster.__aenter__())
    await asyncio.sleep(0.3)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    async with asyncio.timeout(10):
        while cluster.directory.exists():  # noqa: ASYNC110 - a thread deletes it
            await asyncio.sleep(0.05)


def test_a_cluster_in_a_directory_is_found_by_a_later_process(directory: Path) -> None:
    Cluster(ANY_PORTS, directory=directory).start()
    later = Cluster.open(directory)
    assert states(later) == ["up"]
    later.stop()
    assert states(later) == ["down"]
    later.stop()
    assert (directory / "node1" / "conf" / "cassandra.yaml").exists()


def test_starting_what_is_up_changes_nothing(directory: Path) -> None:
    first = Cluster(ANY_PORTS, directory=directory)
    first.start()
    second = Cluster(ANY_PORTS, directory=directory)
    second.start()
    assert pids(second) == pids(first)
    assert second.port == first.port


def test_a_cluster_keeps_its_ports_over_a_restart(directory: Path) -> None:
    with Cluster(ANY_PORTS, directory=directory) as cluster:
        port = cluster.port
    with Cluster(ANY_PORTS, directory=directory) as cluster:
        assert cluster.port == port


def test_a_killed_node_can_be_started_again() -> None:
    with Cluster(THREE) as cluster:
        before = pids(cluster)
        cluster.kill(2)
        assert states(cluster) == ["up", "down", "up"]
        cluster.kill(2)
        cluster.start_node(2)
        assert states(cluster) == ["up", "up", "up"]
        assert pids(cluster)[0] == before[0]
        assert pids(cluster)[1] != before[1]


def test_a_paused_node_does_not_answer_until_it_is_resumed() -> None:
    with Cluster(ANY_PORTS) as cluster:
        cluster.pause(1)
        assert states(cluster) == ["paused"]
        cluster.resume(1)
        assert states(cluster) == ["up"]


def test_a_paused_node_can_be_stopped_and_started_by_up(directory: Path) -> None:
    with Cluster(ANY_PORTS, directory=directory) as cluster:
        cluster.pause(1)
        cluster.start()
        assert states(cluster) == ["up"]
        cluster.pause(1)
        cluster.stop()
        assert states(cluster) == ["down"]
        with pytest.raises(ClusterNotRunning):
            cluster.pause(1)


def test_a_node_that_dies_is_reported_with_what_it_said(fake_java: Path) -> None:
    (fake_java / "broken").touch()
    with pytest.raises(NodeFailed, match=r"Node 1 ended while it started.\nThe commit log"):
        Cluster(ANY_PORTS).__enter__()
    assert list(temporary_home().iterdir()) == []


def test_a_node_that_does_not_answer_in_time_is_ended(directory: Path) -> None:
    options = ClusterOptions(
        native_port=0,
        storage_port=0,
        jmx_port=0,
        wrapper=NEVER_UP,
        start_timeout_s=0.5,
    )
    cluster = Cluster(options, directory=directory)
    with pytest.raises(NodeFailed, match="did not answer"):
        cluster.start()
    assert states(cluster) == ["down"]


def test_a_wrapper_that_is_not_there_is_named() -> None:
    options = ClusterOptions(native_port=0, storage_port=0, jmx_port=0, wrapper=("fake-time",))
    with pytest.raises(RuntimeMissing, match="fake-time"):
        Cluster(options).__enter__()


def test_another_cluster_on_the_same_ports_is_refused(tmp_path: Path) -> None:
    with Cluster(ANY_PORTS) as cluster:
        other = Cluster(cluster.options, directory=tmp_path / "other")
        with pytest.raises(AddressInUse, match=f"127.0.0.1:{cluster.port}"):
            other.start()
        assert states(cluster) == ["up"]


def test_a_directory_with_another_kind_of_cluster_is_refused(directory: Path) -> None:
    Cluster(ANY_PORTS, directory=directory).start()
    with pytest.raises(InvalidClusterOptions, match="1 node"):
        Cluster(THREE, directory=directory).start()


def test_a_record_that_cannot_be_read_is_named(directory: Path) -> None:
    directory.mkdir()
    (directory / "cluster.json").write_text("{")
    with pytest.raises(InvalidClusterOptions, match=r"cluster\.json"):
        Cluster.open(directory)
    (directory / "cluster.json").unlink()


def test_a_node_whose_start_was_never_noted_is_found(directory: Path) -> None:
    with Cluster(ANY_PORTS, directory=directory) as cluster:
        (pid,) = pids(cluster)
        node = NodeDirectory(directory, 1)
        node.process_file.unlink()
        assert states(cluster) == ["down"]
        cluster.start()
        assert pid
        assert not psutil.pid_exists(pid)
        assert states(cluster) == ["up"]


def test_a_process_that_got_a_dead_nodes_id_is_left_alone(directory: Path) -> None:
    with Cluster(ANY_PORTS, directory=directory) as cluster:
        note = NodeDirectory(directory, 1).process_file
        record = note.read_bytes()
        cluster.kill(1)
        stranger = subprocess.Popen(["/bin/sleep", "60"])
        while not psutil.Process(stranger.pid).cmdline():
            time.sleep(0.01)  # it is still becoming what it will be
        started = psutil.Process(stranger.pid).create_time()
        for started_then in (started, started - 100):
            note.write_text(f'{{"pid":{stranger.pid},"started":{started_then}}}')
            assert states(cluster) == ["down"]
            cluster.kill(1)
            assert stranger.poll() is None
        note.write_bytes(record)
        assert states(cluster) == ["down"]
        stranger.kill()
        stranger.wait()


def test_deleting_leaves_what_is_not_the_clusters(directory: Path) -> None:
    with Cluster(ANY_PORTS, directory=directory) as cluster:
        (directory / "precious.txt").touch()
        cluster.delete()
        assert [path.name for path in directory.iterdir()] == ["precious.txt"]


LEAVE_BEHIND = """\
import os, pathlib, signal, sys
from helenus.testing.cassandra import Cluster, ClusterOptions, processes
processes.libraries = lambda _: pathlib.Path(sys.argv[1])
cluster = Cluster(ClusterOptions(native_port=0, storage_port=0, jmx_port=0)).__enter__()
print(cluster.status()[0].pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_crashed_run_left_is_cleaned_up_by_the_next(fake_java: Path) -> None:
    crashed = subprocess.run(
        [sys.executable, "-c", LEAVE_BEHIND, str(fake_java)],
        stdout=subprocess.PIPE,
        env=dict(os.environ),
        check=False,
    )
    assert crashed.returncode == -signal.SIGKILL
    pid = int(crashed.stdout)
    assert psutil.pid_exists(pid)
    with Cluster(ANY_PORTS) as cluster:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        assert list(temporary_home().iterdir()) == [cluster.directory]
        clean_up_abandoned()
        assert states(cluster) == ["up"]


def test_a_node_that_is_not_there_is_said_so(directory: Path) -> None:
    cluster = Cluster(ANY_PORTS, directory=directory)
    with pytest.raises(InvalidClusterOptions, match="no node 2"):
        cluster.kill(2)
    with pytest.raises(InvalidClusterOptions, match="podman"):
        Cluster(ANY_PORTS, directory=directory, runner="podman")
