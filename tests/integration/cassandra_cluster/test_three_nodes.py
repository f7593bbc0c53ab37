"""A cluster of three: as long as two live, conditional writes go on."""

from helenus.testing.cassandra import Cluster
from tests.integration.cassandra_cluster.conversation import advance, logged_in, table


def test_writes_go_on_while_any_one_node_is_paused_or_dead(three_nodes: Cluster) -> None:
    cluster = three_nodes
    hosts, port = cluster.contact_points, cluster.port
    with table(hosts, port) as streams:
        with logged_in(hosts[0], port) as first:
            assert advance(first, streams, "one", None, 1)
            cluster.pause(2)
            assert advance(first, streams, "one", 1, 2)
            cluster.resume(2)
            cluster.kill(3)
            assert advance(first, streams, "one", 2, 3)
        assert [node.state for node in cluster.status()] == ["up", "up", "down"]
        with logged_in(hosts[1], port) as second:
            assert advance(second, streams, "one", 3, 4)
        cluster.start_node(3)
        cluster.wait_until_whole()
        with logged_in(hosts[2], port) as third:
            assert not advance(third, streams, "one", 3, 4)
            assert advance(third, streams, "one", 4, 5)
