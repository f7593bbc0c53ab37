import socket

import psutil
import pytest

from helenus.testing.cassandra import ClusterOptions
from helenus.testing.cassandra.errors import AddressInUse, NotEnoughMemory
from helenus.testing.cassandra.machine import check_addresses, check_memory, pick_ports

ANY = ClusterOptions(nodes=3, native_port=0, storage_port=0, jmx_port=0)


def test_free_ports_are_picked_and_differ() -> None:
    picked = pick_ports(ANY)
    ports = {picked.native_port, picked.storage_port, *range(picked.jmx_port, picked.jmx_port + 3)}
    assert len(ports) == 5
    assert all(15_000 <= port < 32_768 for port in ports), "not one that a client may be given"
    for node in (1, 2, 3):
        check_addresses(picked, node)


def test_a_port_that_was_asked_for_is_kept() -> None:
    assert pick_ports(ClusterOptions(native_port=12_345, storage_port=0)).native_port == 12_345


@pytest.mark.parametrize("port", ["native_port", "storage_port"])
def test_a_taken_port_is_reported_with_its_holder(port: str) -> None:
    options = pick_ports(ANY)
    address = ("127.0.0.2", getattr(options, port))
    with socket.create_server(address):
        check_addresses(options, 1)
        with pytest.raises(
            AddressInUse, match=rf"127.0.0.2:{address[1]}: .*\({psutil.Process().pid}\)"
        ):
            check_addresses(options, 2)


def test_a_taken_jmx_port_is_reported() -> None:
    options = pick_ports(ANY)
    with (
        socket.create_server(("127.0.0.1", options.jmx_port + 2)),
        pytest.raises(AddressInUse, match="JMX"),
    ):
        check_addresses(options, 3)


def test_nodes_that_do_not_fit_are_refused_with_both_figures() -> None:
    with pytest.raises(NotEnoughMemory, match=r"need about 3,\d{3},\d{3} MiB.* are available"):
        check_memory(ClusterOptions(nodes=3, heap_mib=1_000_000), 3)
    check_memory(ClusterOptions(), 0)
