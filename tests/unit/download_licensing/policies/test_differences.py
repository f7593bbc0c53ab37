from datetime import UTC, datetime

from download_licensing.policies.differences import Difference, compare
from download_licensing.policies.reading import read_policy
from tests.unit.download_licensing.policies.documents import CATALOGUE, SOUND, changed


def difference(text: str, *, before: str = SOUND) -> Difference:
    return compare(
        read_policy(before.encode(), "a.yaml", CATALOGUE),
        read_policy(text.encode(), "b.yaml", CATALOGUE),
        CATALOGUE,
    )


def words(text: str, *, before: str = SOUND) -> list[str]:
    return [change.words for change in difference(text, before=before).changes]


def test_the_same_policy_written_otherwise_does_not_differ() -> None:
    text = SOUND.replace("{devices_max: 1}", "\n    devices_max: 1 # as before")

    found = difference(text)

    assert found.changes == ()
    assert found.reach is not None
    assert (found.reach.differ, found.reach.plans, found.reach.titles) == (0, (), 0)
    assert found.reach.combinations > len(CATALOGUE.titles) * len(CATALOGUE.plans)


def test_a_parameter_that_moves_is_said_with_both_numbers_and_lines() -> None:
    (change,) = difference("# longer\n" + changed("hours: 720", "hours: 1440")).changes

    assert change.words == "default: license-duration changes: hours 720 → 1,440."
    assert (change.kind, change.layer, change.rule) == ("changed", "default", "license-duration")
    assert (change.before, change.after) == ({"hours": 720}, {"hours": 1440})
    assert (change.line_before, change.line_after) == (7, 8)


def test_what_is_set_unset_and_switched_is_said() -> None:
    off = changed("device-limit: {devices_max: 2}", "device-limit: off")

    assert words(off)[0] == "plans.standard: device-limit is switched off; it was devices_max 2."
    assert words(SOUND, before=off)[0] == (
        "plans.standard: device-limit is switched on: devices_max 2."
    )
    less = changed("  playback-window: {hours: 48}\n", "")
    assert words(less) == ["default: playback-window is not set any more; it was hours 48."]
    assert words(SOUND, before=less) == ["default: playback-window is set: hours 48."]


def test_a_change_in_a_layer_is_said_of_those_that_extend_it_too() -> None:
    found = words(changed("downloads_max: 2", "downloads_max: 3"))

    assert found == [
        f"titles.{title}: title-downloads-per-year changes: downloads_max 2 → 3."
        for title in ("the-premiere", "stage-door")
    ]


def test_a_change_in_one_country_of_a_title_is_said() -> None:
    assert words(changed("{hours: 24}", "{hours: 12}")) == [
        "titles.stage-door.countries.SE: playback-window changes: hours 24 → 12."
    ]


def test_it_is_counted_for_whom_something_else_holds() -> None:
    of_plan = difference(changed("devices_max: 6", "devices_max: 5")).reach
    of_title = difference(changed("downloads_max: 2", "downloads_max: 3")).reach
    of_country = difference(changed("{hours: 24}", "{hours: 12}")).reach

    # each title in the two countries that matter, DE and any other; the-premiere also in NO,
    # stage-door in NO and SE
    rows = len(CATALOGUE.titles) * 2 + 1 + 2
    assert of_plan is not None
    assert (of_plan.combinations, of_plan.differ, of_plan.plans) == (
        rows * len(CATALOGUE.plans),
        rows,
        ("premium",),
    )
    assert of_plan.titles == len(CATALOGUE.titles)
    assert of_title is not None
    assert (of_title.differ, of_title.titles) == (len(CATALOGUE.plans) * (2 + 1 + 2 + 2), 2)
    assert of_country is not None
    assert (of_country.differ, of_country.titles) == (len(CATALOGUE.plans), 1)


def test_versions_and_the_date_are_said() -> None:
    text = changed("2026-12\n", "2027-01\n").replace("2026-12-01T", "2027-01-01T")

    found = difference(text)

    assert (found.before, found.after) == ("2026-12", "2027-01")
    assert found.effective_from == datetime(2027, 1, 1, tzinfo=UTC)
