"""A session is the same in whatever parts and order it is told."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from download_licensing.domain.sessions import (
    KEPT_ALIVE_EVERY,
    Session,
    SessionEvent,
    SessionKind,
    session_after,
)

START = datetime(2026, 1, 1, tzinfo=UTC)

kinds = st.sampled_from(get_args(SessionKind))
told = st.builds(
    SessionEvent,
    kind=kinds,
    at=st.integers(0, 60).map(lambda minutes: START + timedelta(minutes=minutes)),
)


@given(st.lists(told, min_size=1, max_size=12), st.data())
def test_the_state_does_not_depend_on_how_it_is_told(
    events: list[SessionEvent], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(events * 2))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(shuffled)))) | {len(shuffled)})
    session: Session | None = None
    begin = 0
    for end in cuts:
        session = session_after(session, shuffled[begin:end])
        begin = end

    whole = session_after(None, events)
    assert session is not None
    assert (session.state == "stopped") == (whole.state == "stopped")
    assert session.started_at >= whole.started_at
    if whole.state != "stopped":
        assert session.last_at == whole.last_at == max(event.at for event in events)


@given(st.lists(told, min_size=1, max_size=12))
def test_a_session_is_stopped_as_soon_as_a_stop_is_told_and_not_before(
    events: list[SessionEvent],
) -> None:
    stopped = any(event.kind == "stop" for event in events)
    assert (session_after(None, events).state == "stopped") == stopped


def test_what_is_news() -> None:
    known = Session(START, "playing", START)
    almost = Session(START, "playing", START + KEPT_ALIVE_EVERY - timedelta(microseconds=1))
    later = Session(START, "playing", START + KEPT_ALIVE_EVERY)

    assert known.says_more_than(None)
    assert Session(START, "paused", START).says_more_than(known)
    assert later.says_more_than(known)
    assert not almost.says_more_than(known)
    assert not known.says_more_than(known)
