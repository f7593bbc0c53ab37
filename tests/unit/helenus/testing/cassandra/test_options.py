import pytest

from helenus.testing.cassandra import ClusterOptions
from helenus.testing.cassandra.errors import InvalidClusterOptions
from helenus.testing.cassandra.options import parse_heap


@pytest.mark.parametrize(
    ("text", "mib"), [("512M", 512), ("1G", 1024), ("768 MiB", 768), ("2gb", 2048)]
)
def test_a_heap_is_written_as_people_write_it(text: str, mib: int) -> None:
    assert parse_heap(text) == mib


@pytest.mark.parametrize("text", ["", "512", "G", "1.5G", "-1G", "1T"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidClusterOptions, match="512M or 1G"):
        parse_heap(text)


@pytest.mark.parametrize("nodes", [0, 2, 4])
def test_a_cluster_has_one_or_three_nodes(nodes: int) -> None:
    with pytest.raises(InvalidClusterOptions, match="1 or 3"):
        ClusterOptions(nodes=nodes)


@pytest.mark.parametrize("port", [-1, 65_535, 70_000])
def test_a_port_that_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(InvalidClusterOptions, match="native_port"):
        ClusterOptions(native_port=port)


def test_a_heap_too_small_for_cassandra_is_refused() -> None:
    with pytest.raises(InvalidClusterOptions, match="too small"):
        ClusterOptions(heap_mib=64)
