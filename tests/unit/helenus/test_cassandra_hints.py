"""What a process remembers of streams on Cassandra."""

from helenus.stores.cassandra.buckets import Place
from helenus.stores.cassandra.hints import Hints


def test_of_a_stream_that_was_not_met_nothing_is_known() -> None:
    hints = Hints(2)
    assert (hints.bucket("s"), hints.place("s"), len(hints)) == (0, None, 0)


def test_where_a_stream_ends_and_where_it_goes_on_are_remembered_apart() -> None:
    hints = Hints(2)
    hints.goes_on_at("s", Place(1, 30))
    hints.ends_in("s", 2)
    assert (hints.bucket("s"), hints.place("s")) == (2, Place(1, 30))
    hints.goes_on_at("s", None)
    assert (hints.bucket("s"), hints.place("s")) == (2, None)


def test_the_streams_met_longest_ago_are_forgotten() -> None:
    hints = Hints(2)
    for stream in ("a", "b"):
        hints.ends_in(stream, 1)
    hints.goes_on_at("a", Place(0, 1))
    hints.ends_in("c", 1)
    assert (hints.bucket("a"), hints.bucket("b"), hints.bucket("c"), len(hints)) == (1, 0, 1, 2)


def test_none_is_remembered_where_none_is_to_be() -> None:
    hints = Hints(0)
    hints.ends_in("s", 3)
    assert len(hints) == 0
