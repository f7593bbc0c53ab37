"""The ids that a verification compares are the last ones, within a bound."""

from hypothesis import given
from hypothesis import strategies as st

from helenus.verification.structure import Recent


@given(st.integers(2, 12), st.lists(st.binary(min_size=1, max_size=1), max_size=60))
def test_it_holds_the_later_half_and_nothing_before_the_bound(most: int, keys: list[bytes]) -> None:
    recent = Recent(most)
    for count, key in enumerate(keys):
        before = keys[:count]
        certain = set(before[max(0, count - most // 2) :])
        possible = set(before)
        assert certain <= {key for key in possible if key in recent}
        assert len(recent) <= most
        recent.add(key)


def test_what_was_added_long_ago_is_let_go() -> None:
    recent = Recent(4)
    for number in range(10):
        recent.add(b"%d" % number)
    assert [number for number in range(10) if b"%d" % number in recent] == [6, 7, 8, 9]
