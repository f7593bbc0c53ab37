import pytest

from download_licensing.domain.rules.account_standing import AccountStanding
from download_licensing.domain.rules.operator_block import OperatorBlock
from download_licensing.domain.rules.title_availability import TitleAvailability
from tests.unit.download_licensing.domain.rules.situations import (
    DAY,
    NOW,
    TICK,
    met,
    situation,
    unmet,
)


def test_a_blocked_account_is_refused_with_the_operators_reason() -> None:
    said = unmet(OperatorBlock(), blocked="chargeback")

    assert (said.reason, said.limit, said.used, said.resets_at) == (
        "account-blocked",
        None,
        None,
        None,
    )
    assert "chargeback" in said.detail
    assert met(OperatorBlock()) == (None, None)


@pytest.mark.parametrize(
    ("rule", "served"),
    [
        (AccountStanding(), {"good"}),
        (AccountStanding(past_due_allowed=True), {"good", "past-due"}),
    ],
)
def test_only_accounts_that_are_paid_for_are_served(
    rule: AccountStanding, served: set[str]
) -> None:
    for standing in ("good", "past-due", "cancelled"):
        if standing in served:
            assert met(rule, standing=standing) == (None, None)
        else:
            assert unmet(rule, standing=standing).resets_at is None


def test_a_refusal_says_whether_to_pay_or_to_subscribe() -> None:
    assert unmet(AccountStanding(), standing="past-due").remedy == "Pay what is due."
    assert unmet(AccountStanding(), standing="cancelled").remedy == "Subscribe again."


def test_a_title_is_available_from_the_first_moment_of_its_window_to_before_its_end() -> None:
    rule = TitleAvailability(available_from=NOW, available_until=NOW + DAY)

    early = unmet(rule, now=NOW - TICK)
    assert early.resets_at == NOW
    assert "2026-06-01" in early.detail
    met(rule, now=NOW)
    met(rule, now=NOW + DAY - TICK)
    assert unmet(rule, now=NOW + DAY).resets_at is None


@pytest.mark.parametrize("rule", [TitleAvailability(), TitleAvailability(available_from=NOW - DAY)])
def test_a_window_without_an_end_is_open(rule: TitleAvailability) -> None:
    met(rule, now=NOW)


def test_a_title_that_is_not_offered_never_is_whatever_its_dates() -> None:
    rule = TitleAvailability(available_from=NOW + DAY, offered=False)

    assert unmet(rule, now=NOW).resets_at is None


def test_what_a_rule_without_numbers_saw_is_told() -> None:
    window = TitleAvailability(available_from=NOW, available_until=NOW + DAY)

    assert window.check(situation()).saw == "2026-06-01T00:00:00Z…2026-06-02T00:00:00Z"
    assert TitleAvailability().check(situation()).saw == "no window"
    assert OperatorBlock().check(situation(blocked="fraud")).saw == "blocked: fraud"
    assert AccountStanding().check(situation()).saw == "good"
