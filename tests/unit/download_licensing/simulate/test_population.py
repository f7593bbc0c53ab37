"""The population is drawn from its seed, and does all that a service has to stand."""

from collections import Counter
from functools import cache

from download_licensing.simulate.calls import Answer, Call, Life, Step
from download_licensing.simulate.oracle.answers import Refusal
from download_licensing.simulate.oracle.journal import Item
from download_licensing.simulate.population import Population, PopulationSettings
from download_licensing.simulate.wire import read_answer, to_http
from tests.unit.download_licensing.simulate.paper_service import TERMS, PaperService

SETTINGS = PopulationSettings(
    run="test", seed=3, members=60, actions_per_member=40, days=400, zipf_exponent=1.1
)


def lived(life: Life, service: PaperService) -> list[tuple[Step, list[Answer]]]:
    """What a member does, and hears from a service on paper."""
    steps = []
    step = next(life)
    while True:
        answers = [_answer(service, call) for call in step.calls]
        steps.append((step, answers))
        try:
            step = life.send(answers)
        except StopIteration:
            return steps


def _answer(service: PaperService, call: Call) -> Answer:
    response = service.answer(to_http(call))
    return Answer(response.status, read_answer(call, response))


def live_all() -> list[list[tuple[Step, list[Answer]]]]:
    service = PaperService()
    return [lived(life, service) for life in Population(SETTINGS, TERMS).lives()]


@cache
def all_lived() -> list[list[tuple[Step, list[Answer]]]]:
    return live_all()


def test_the_same_seed_gives_the_same_lives() -> None:
    assert live_all() == all_lived()


def test_one_member_can_be_drawn_without_the_others() -> None:
    alone = Population(SETTINGS, TERMS).member(17).live()
    assert lived(alone, PaperService()) == all_lived()[17]


def test_another_seed_gives_other_lives() -> None:
    other = PopulationSettings(
        run="test", seed=4, members=1, actions_per_member=40, days=400, zipf_exponent=1.1
    )
    life = Population(other, TERMS).member(0).live()
    assert lived(life, PaperService()) != all_lived()[0]


def test_no_member_goes_back_in_time_or_beyond_the_calendar() -> None:
    ends_at = Population(SETTINGS, TERMS).ends_at
    for steps in all_lived():
        times = [step.at for step, _ in steps]
        assert times == sorted(times)
        assert times[-1] < ends_at
        assert all(call.at == step.at for step, _ in steps for call in step.calls)


def test_members_keep_to_their_number_of_requests() -> None:
    numbers = [sum(len(step.calls) for step, _ in steps) for steps in all_lived()]
    ordinary = sorted(numbers)[:-2]  # one in some hundreds hoards
    assert max(ordinary) < 2 * SETTINGS.actions_per_member
    assert sum(numbers) / len(numbers) > SETTINGS.actions_per_member / 2


def test_members_do_all_that_a_service_has_to_stand() -> None:
    steps = [step for steps in all_lived() for step, _ in steps]
    calls = [call for step in steps for call in step.calls]
    kinds = Counter(call.kind for call in calls)
    assert set(kinds) == {
        *("open", "plan", "region", "standing", "block", "unblock"),
        *("request", "renew", "play", "session", "sync", "release", "revoke", "remove"),
        *("renewals", "license", "devices", "allowance"),
    }
    told = [call for call in calls if call.device_time is not None]
    assert any(_late_s(call) > 86_400 for call in told)  # reported days later
    assert any(_late_s(call) < 0 for call in told)  # a clock ahead
    assert any(call.repeats for call in calls)
    assert any(call.reuses_key for call in calls)
    assert any(_races(step) for step in steps)
    assert any(_copies(step) for step in steps)
    assert any(_out_of_order(step) for step in steps)


def test_members_hear_every_refusal() -> None:
    bodies = [answer.body for steps in all_lived() for _, answers in steps for answer in answers]
    assert {
        unmet.reason for body in bodies if isinstance(body, Refusal) for unmet in body.unmet
    } == {
        "account-blocked",
        "account-standing",
        "device-limit",
        "active-downloads-per-device",
        "title-downloads-per-year",
        "renewals-exhausted",
    }


def test_a_few_titles_are_preferred() -> None:
    wished = Counter(
        call.title_id
        for steps in all_lived()
        for step, _ in steps
        for call in step.calls
        if call.kind == "request"
    )
    assert set(wished) == set(TERMS.titles)
    most, *_, least = (number for _, number in wished.most_common())
    assert most > 2 * least


def _late_s(call: Call) -> float:
    assert call.device_time is not None
    return (call.at - call.device_time).total_seconds()


def _races(step: Step) -> bool:
    """Several of a household ask at once, each for itself."""
    return len({call.key for call in step.calls if call.kind == "request"}) > 1


def _copies(step: Step) -> bool:
    """One command several times at once."""
    return len(step.calls) > len({call.key for call in step.calls if call.key}) > 0


def _out_of_order(step: Step) -> bool:
    times = []
    for call in step.calls:
        told: list[Call | Item] = [call, *call.items]
        times += [each.device_time for each in told if each.device_time is not None]
    return times != sorted(times)
