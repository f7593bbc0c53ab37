from download_licensing.domain.rules import CLAUSES, RULES
from download_licensing.domain.times import EARLIEST
from download_licensing.policies.explaining import Explained, explain
from download_licensing.policies.reading import read_policy
from tests.unit.download_licensing.policies.documents import CATALOGUE, SOUND

DOCUMENT = read_policy(SOUND.encode(), "p.yaml", CATALOGUE)
POLICY = DOCUMENT.policy(EARLIEST)


def explained(plan: str, title: str | None = None, country: str = "") -> dict[str, Explained]:
    chosen = None if title is None else CATALOGUE.titles[title]
    return {each.rule: each for each in explain(DOCUMENT, POLICY, plan, chosen, country)}


def test_every_rule_is_explained_in_the_order_of_refusals() -> None:
    rules = list(explained("basic"))

    assert rules[: len(RULES)] == [rule.name for rule in RULES]
    assert set(rules) == CLAUSES.keys()


def test_what_holds_is_said_with_its_parameters_its_layer_and_its_line() -> None:
    assert explained("standard")["device-limit"] == Explained(
        rule="device-limit",
        holds=True,
        parameters={"devices_max": 2},
        layer="plans.standard",
        written_in="plans.standard",
        line=17,
        column=5,
    )


def test_what_a_layer_takes_over_is_said_to_be_written_in_the_other() -> None:
    found = explained("basic", "stage-door")["title-downloads-per-year"]

    assert (found.layer, found.written_in, found.line) == (
        "titles.stage-door",
        "templates.strict",
        12,
    )


def test_what_is_switched_off_is_said_to_be_by_the_line_that_does_it() -> None:
    found = explained("basic", "the-premiere", "NO")["renewals-per-license"]

    assert (found.holds, found.parameters) == (False, {})
    assert (found.layer, found.line) == ("titles.the-premiere.countries.NO", 28)


def test_what_nothing_sets_has_no_line() -> None:
    found = explained("basic")["active-downloads-per-device"]

    assert (found.holds, found.layer, found.line, found.column) == (False, "", None, None)
