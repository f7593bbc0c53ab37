"""A node takes the settings that compose.yaml gives it, on top of those of the official image."""

from pathlib import Path

import yaml

from helenus.testing.cassandra import Cluster, ClusterOptions
from tests.integration.cassandra_cluster.conversation import logged_in

COMPOSE = Path(__file__).parents[3] / "compose.yaml"
# As in the cassandra.yaml that the image brings; and a seed whose container is away has no address.
OF_THE_IMAGE = {
    "paxos_variant": None,
    "commitlog_sync": "periodic",
    "commitlog_sync_period": "10000ms",
    "seed_provider": [
        {
            "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
            "parameters": [{"seeds": "127.0.0.1,cassandra-2.invalid"}],
        }
    ],
}


def test_a_node_prefers_the_settings_of_compose_to_those_of_its_file() -> None:
    node = yaml.safe_load(COMPOSE.read_text())["services"]["cassandra-1"]["environment"]
    options = ClusterOptions(
        native_port=0,
        storage_port=0,
        jmx_port=0,
        settings=OF_THE_IMAGE,
        jvm_options=tuple(node["JVM_EXTRA_OPTS"].split()),
    )
    with (
        Cluster(options) as cluster,
        logged_in(cluster.contact_points[0], cluster.port) as connection,
    ):
        for name, value in {"paxos_variant": b"v2", "commitlog_sync": b"batch"}.items():
            answer = connection.query(
                f"SELECT value FROM system_views.settings WHERE name = '{name}'"
            )
            assert answer.endswith(value)
