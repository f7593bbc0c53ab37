"""Every event has its sentence."""

from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from download_licensing.debugging.sentences import sentence
from download_licensing.debugging.wording import moment
from download_licensing.domain import events
from download_licensing.service.licensing import AGGREGATES
from helenus import Event

EVENTS = sorted({one for aggregate in AGGREGATES for one in aggregate.handlers}, key=str)
T0 = datetime(2026, 1, 1, tzinfo=UTC)
T1 = datetime(2026, 1, 31, tzinfo=UTC)


class Unheard(Event, name="debugging-unheard"):
    """An event that nobody wrote a sentence for."""

    device_id: str
    at: datetime


@pytest.mark.parametrize("event", EVENTS, ids=lambda one: one.event_name)
def test_every_event_that_can_be_recorded_has_a_sentence(event: type[Event]) -> None:
    assert sentence.dispatch(event) is not sentence.dispatch(Unheard)


@pytest.mark.parametrize("event", EVENTS, ids=lambda one: one.event_name)
def test_a_sentence_is_told_of_whatever_may_be_recorded(event: type[Event]) -> None:
    @given(st.from_type(event))
    def told(one: Event) -> None:
        text = sentence(one, "aggregate-1")
        assert text[0].isupper()
        assert text.endswith(".")

    told()


def test_an_event_without_a_sentence_is_told_by_its_name_and_fields() -> None:
    text = sentence(Unheard(device_id="tv", at=T0), "account")
    assert "debugging-unheard of account" in text
    assert '"device_id":"tv"' in text


issued = partial(
    events.LicenseIssued,
    title_id="harbour",
    device_id="tv",
    plan="basic",
    expires_at=T1,
    playback_window_s=172_800,
    renewals_max=2,
    at=T0,
)


def test_a_grant_is_told_with_its_end_its_window_and_its_renewals() -> None:
    assert sentence(issued(), "lic-1") == (
        "Licence lic-1 was issued for harbour on device tv, until 2026-01-31 00:00:00 UTC,"
        " to be played within 2 days of the first play, 2 renewal(s) allowed."
    )


def test_a_grant_without_limits_says_so() -> None:
    text = sentence(issued(expires_at=None, playback_window_s=0, renewals_max=None), "lic-1")
    assert "without end, without a playback window, renewals not limited" in text


def test_a_clock_of_a_device_that_went_wrong_is_told() -> None:
    played = events.FirstPlayReported(
        played_at=T0, reported_at_device=T1, playback_ends_at=None, at=T0
    )
    assert "(the device's clock said 2026-01-31 00:00:00 UTC)" in sentence(played, "lic-1")
    agreed = msgspec.structs.replace(played, reported_at_device=T0)
    assert "clock" not in sentence(agreed, "lic-1")


def test_a_refresh_is_told_apart_from_a_renewal() -> None:
    renewed = events.LicenseRenewed(expires_at=T1, refresh=False, at=T0)
    assert "was renewed" in sentence(renewed, "lic-1")
    refreshed = msgspec.structs.replace(renewed, refresh=True)
    assert "was refreshed after it had expired" in sentence(refreshed, "lic-1")


def test_where_and_how_an_account_stands_is_told() -> None:
    opened = events.AccountOpened(plan="basic", at=T0, country="NL")
    assert sentence(opened, "account") == "The account was opened in NL with the plan basic."
    blocked = events.AccountBlocked(reason="Card stolen.", at=T0)
    assert sentence(blocked, "account") == "An operator blocked the account: Card stolen."
    moved = events.RegionChanged(country="BE", time_zone="Europe/Brussels", at=T0)
    assert sentence(moved, "account") == (
        "The customer's region became BE, with months by Europe/Brussels."
    )


def test_plays_sessions_and_revocations_are_told() -> None:
    session = events.SessionReported(
        session_id="s-1", started_at=T0, state="paused", last_at=T0, reported_at_device=T0, at=T0
    )
    assert sentence(session, "l-1") == (
        f"Session s-1 of licence l-1, begun at {moment(T0)}, was paused at {moment(T0)}."
    )
    play = events.PlayCounted(license_id="l-1", session_id="s-1", played_at=T0, at=T0)
    assert sentence(play, "film") == (
        f"A play of film at {moment(T0)} was counted (licence l-1, session s-1)."
    )
    unnamed = events.PlayCounted(license_id="l-1", session_id="", played_at=T0, at=T0)
    assert "session" not in sentence(unnamed, "film")
    revoked = events.LicenseRevoked(reason="Claim.", at=T0)
    assert sentence(revoked, "l-1") == "An operator revoked licence l-1: Claim."


def test_early_ends_and_changes_of_plan_are_told() -> None:
    ended = events.DownloadsEnded(ends={"l-1": T0}, at=T0)
    assert sentence(ended, "tv") == f"Downloads on device tv ended early: l-1 at {moment(T0)}."
    cut = events.LicenseCut(reason="title-withdrawn", ends_at=T0, at=T0)
    assert sentence(cut, "l-1") == (
        f"Licence l-1 ended early, at {moment(T0)}: its title was withdrawn."
    )
    changed = events.PlanChanged(plan="basic", at=T0)
    assert sentence(changed, "account") == "The account's plan became basic."
    withdrawn = events.TitleWithdrawn(reason="Claim.", at=T0)
    assert sentence(withdrawn, "film") == "An operator withdrew the title film: Claim."
    assert sentence(events.TitleReinstated(at=T0), "film").endswith("reinstated the title film.")
