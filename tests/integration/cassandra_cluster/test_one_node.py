"""A node of the published Cassandra, from an empty directory to a conditional write."""

import time
from collections.abc import Iterator

import pytest

from helenus.testing.cassandra import Cluster, ClusterOptions, Credentials
from helenus.testing.cassandra.fixtures import Contact
from helenus.testing.cassandra.handshake import Connection, NotServing
from helenus.testing.cassandra.release import VERSION
from tests.integration.cassandra_cluster.conversation import advance, logged_in, table

START_S_MAX = 60.0


@pytest.fixture
def cluster(cassandra: Contact) -> Cluster:
    assert cassandra.cluster, "Faults are injected into a cluster of our own only."
    return cassandra.cluster


@pytest.fixture
def streams(cassandra: Contact) -> Iterator[str]:
    with table(cassandra.hosts, cassandra.port) as name:
        yield name


def test_it_is_the_release_that_is_named(cassandra: Contact) -> None:
    with logged_in(cassandra.hosts[0], cassandra.port) as connection:
        answer = connection.query("SELECT release_version FROM system.local")
    assert VERSION.encode() in answer


def test_a_conditional_write_is_applied_once(cassandra: Contact, streams: str) -> None:
    with logged_in(cassandra.hosts[0], cassandra.port) as connection:
        assert advance(connection, streams, "one", None, 1)
        assert not advance(connection, streams, "one", None, 1)
        assert advance(connection, streams, "one", 1, 2)


def test_a_killed_node_comes_back_with_all_it_acknowledged(
    cluster: Cluster, cassandra: Contact
) -> None:
    with table(cassandra.hosts, cassandra.port) as streams:
        with logged_in(cassandra.hosts[0], cassandra.port) as connection:
            for head in range(1, 51):
                assert advance(connection, streams, "kept", head - 1 or None, head)
        cluster.kill(1)
        assert cluster.status()[0].state == "down"
        began = time.monotonic()
        cluster.start_node(1)
        assert time.monotonic() - began < START_S_MAX
        with logged_in(cassandra.hosts[0], cassandra.port) as connection:
            assert not advance(connection, streams, "kept", 49, 50)
            assert advance(connection, streams, "kept", 50, 51)


def test_a_paused_node_is_silent_until_it_is_resumed(cluster: Cluster) -> None:
    cluster.pause(1)
    with (
        pytest.raises(NotServing, match="timed out"),
        Connection(cluster.contact_points[0], cluster.port, timeout_s=0.5) as connection,
    ):
        connection.log_in()
    cluster.resume(1)
    cluster.wait_until_ready(1)
    assert cluster.status()[0].state == "up"


async def test_a_node_with_packaged_java_and_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    options = ClusterOptions(
        native_port=0,
        storage_port=0,
        jmx_port=0,
        settings={"authenticator": "PasswordAuthenticator", "authorizer": "CassandraAuthorizer"},
    )
    began = time.monotonic()
    async with Cluster(options) as cluster:
        assert time.monotonic() - began < START_S_MAX
        where = (cluster.contact_points[0], cluster.port)
        with Connection(*where, credentials=Credentials("cassandra", "cassandra")) as known:
            known.log_in()
        with (
            pytest.raises(NotServing, match="incorrect"),
            Connection(*where, credentials=Credentials("cassandra", "guess")) as unknown,
        ):
            unknown.log_in()
    assert not cluster.directory.exists()


def test_a_node_that_cannot_start_says_why() -> None:
    options = ClusterOptions(
        native_port=0, storage_port=0, jmx_port=0, settings={"no_such_setting": 1}
    )
    with pytest.raises(Exception, match=r"ended while it started(.|\n)*no_such_setting"):
        Cluster(options).__enter__()
