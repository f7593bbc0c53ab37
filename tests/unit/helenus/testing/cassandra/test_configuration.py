import itertools
import json
from pathlib import Path

import pytest

from helenus.testing.cassandra import ClusterOptions
from helenus.testing.cassandra.configuration import (
    NodeDirectory,
    cassandra_yaml,
    java_arguments,
    tokens,
)

THREE = ClusterOptions(nodes=3, native_port=9999, storage_port=7777, jmx_port=7200)


def test_all_nodes_have_the_same_ports_on_addresses_of_their_own(tmp_path: Path) -> None:
    yaml = [cassandra_yaml(NodeDirectory(tmp_path, number), THREE) for number in (1, 2, 3)]
    assert [node["listen_address"] for node in yaml] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    assert {node["native_transport_port"] for node in yaml} == {9999}
    assert {node["storage_port"] for node in yaml} == {7777}


def test_nodes_listen_on_loopback_only(tmp_path: Path) -> None:
    yaml = cassandra_yaml(NodeDirectory(tmp_path, 3), THREE)
    assert yaml["listen_address"] == yaml["rpc_address"] == "127.0.0.3"


def test_each_node_has_a_jmx_port_of_its_own(tmp_path: Path) -> None:
    commands = [
        java_arguments(NodeDirectory(tmp_path, number), THREE, libraries=Path("/lib"), major=17)
        for number in (1, 2, 3)
    ]
    assert [
        argument.rpartition("=")[2]
        for command in commands
        for argument in command
        if "jmx.local.port" in argument
    ] == ["7200", "7201", "7202"]


@pytest.mark.parametrize("nodes", [1, 3])
def test_the_ring_is_shared_out_evenly(nodes: int) -> None:
    ring = sorted(
        (token, number) for number in range(1, nodes + 1) for token in tokens(number, nodes)
    )
    gaps = {later - earlier for (earlier, _), (later, _) in itertools.pairwise(ring)}
    assert max(gaps) - min(gaps) <= 1
    assert [number for _, number in ring] == list(range(1, nodes + 1)) * 16
    assert ring[0][0] >= -(2**63)
    assert ring[-1][0] < 2**63


def test_settings_are_added_replaced_and_taken_away(tmp_path: Path) -> None:
    options = ClusterOptions(
        settings={"read_request_timeout": "1s", "paxos_variant": None, "cdc_enabled": True}
    )
    yaml = cassandra_yaml(NodeDirectory(tmp_path, 1), options)
    assert yaml["read_request_timeout"] == "1s"
    assert yaml["cdc_enabled"] is True
    assert "paxos_variant" not in yaml


def test_paxos_is_v2_and_timeouts_are_patient(tmp_path: Path) -> None:
    yaml = cassandra_yaml(NodeDirectory(tmp_path, 1), ClusterOptions())
    assert yaml["paxos_variant"] == "v2"
    assert yaml["cas_contention_timeout"] == yaml["write_request_timeout"] == "15s"


def test_the_file_is_yaml_that_json_can_write(tmp_path: Path) -> None:
    node = NodeDirectory(tmp_path, 1)
    node.write_configuration(ClusterOptions())
    written = json.loads((node.conf / "cassandra.yaml").read_text())
    assert written == cassandra_yaml(node, ClusterOptions())
    assert "system.log" in (node.conf / "logback.xml").read_text()


def test_further_flags_come_after_ours_so_that_they_win(tmp_path: Path) -> None:
    options = ClusterOptions(jvm_options=("-Xmx333M",))
    command = java_arguments(NodeDirectory(tmp_path, 1), options, libraries=Path("/l"), major=11)
    assert command.index("-Xmx333M") > command.index("-Xmx512M")
    assert command[-1] == "org.apache.cassandra.service.CassandraDaemon"


def test_a_node_that_printed_nothing_but_warnings_shows_its_log(tmp_path: Path) -> None:
    node = NodeDirectory(tmp_path, 1)
    node.logs.mkdir(parents=True)
    assert "nothing" in node.tail()
    node.system_log.write_text("one\ntwo\nthree\n")
    node.output.write_text("WARNING: of no interest\n")
    assert node.tail(2) == "two\nthree"
    node.output.write_text("WARNING: of no interest\nIt broke.\n")
    assert node.tail(2) == "It broke."


def test_an_error_that_a_node_told_long_before_its_end_is_shown_too(tmp_path: Path) -> None:
    node = NodeDirectory(tmp_path, 1)
    node.logs.mkdir(parents=True)
    node.system_log.write_text("INFO  one\nERROR no port\nINFO  two\nINFO  three\n")
    assert node.tail(2) == "ERROR no port\nINFO  two\nINFO  three"
    assert node.tail(3) == "ERROR no port\nINFO  two\nINFO  three"
