"""A running cluster that tests are told to use instead of starting one."""

import pytest

from helenus.testing.cassandra import Cluster
from helenus.testing.cassandra.errors import ClusterNotRunning, InvalidClusterOptions
from helenus.testing.cassandra.fixtures import SETTING, _Shared, named_contact
from tests.unit.helenus.testing.cassandra.conftest import ANY_PORTS

pytestmark = pytest.mark.usefixtures("fake_java")


def test_the_named_cluster_is_used_and_is_not_ours_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with Cluster(ANY_PORTS) as running:
        monkeypatch.setenv(SETTING, f"127.0.0.1:{running.port}")
        with _Shared().use() as contact:
            assert contact.hosts == ("127.0.0.1",)
            assert contact.port == running.port
            assert contact.cluster is None
        assert running.status()[0].state == "up"


def test_all_users_share_one_cluster_until_the_last_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    shared = _Shared()
    with shared.use() as first:
        assert first.cluster
        with shared.use() as second:
            assert second is first
        assert first.cluster.status()[0].state == "up"
    assert not first.cluster.directory.exists()


@pytest.mark.parametrize("setting", ["localhost", "127.0.0.1:", ":9042", "a:1,b:x"])
def test_a_setting_that_names_nothing_is_refused(setting: str) -> None:
    with pytest.raises(InvalidClusterOptions, match=SETTING):
        named_contact(setting)


def test_nodes_on_different_ports_are_refused() -> None:
    with pytest.raises(InvalidClusterOptions, match="one port"):
        named_contact("127.0.0.1:9042, 127.0.0.2:9043")


def test_a_named_cluster_that_does_not_answer_is_said_so() -> None:
    with pytest.raises(ClusterNotRunning, match=r"127\.0\.0\.1:1, where no Cassandra serves"):
        named_contact("127.0.0.1:1")
