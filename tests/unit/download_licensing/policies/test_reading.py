import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.playback_window import PlaybackWindow
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.policies.document import PolicyDocument, PolicyError
from download_licensing.policies.reading import DOCUMENT_BYTES_MAX, load_policy, read_policy
from tests.unit.download_licensing.policies.documents import CATALOGUE, SOUND, changed


def read(text: str | bytes) -> PolicyDocument:
    content = text.encode() if isinstance(text, str) else text
    return read_policy(content, "p.yaml", CATALOGUE)


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(PolicyError) as error:
        read(text)
    shown = [problem.shown("p.yaml") for problem in error.value.problems]
    assert str(error.value).startswith(shown[0])
    return shown


def test_a_document_is_read_with_its_version_date_and_note() -> None:
    document = read(SOUND)

    assert (document.version, document.note) == ("2026-12", "The first one.")
    assert document.effective_from == datetime(2026, 12, 1, tzinfo=UTC)
    assert document.text == SOUND


def test_what_it_leaves_out_is_not_there() -> None:
    document = read("version: '7'\n")

    assert (document.effective_from, document.note) == (None, "")
    assert document.policy(datetime(2026, 1, 1, tzinfo=UTC)).terms_for("basic").clauses == {}


def test_a_later_layer_holds_against_an_earlier_one() -> None:
    policy = read(SOUND).policy(datetime(2026, 12, 1, tzinfo=UTC))
    premiere = CATALOGUE.titles["the-premiere"]

    assert policy.terms_for("basic").get(DeviceLimit) == DeviceLimit(1)
    assert policy.terms_for("standard").get(DeviceLimit) == DeviceLimit(2)
    assert policy.terms_for("standard", premiere).get(LicenseDuration) == LicenseDuration(48)
    assert policy.terms_for("basic", premiere, "DE").get(PlaybackWindow) == PlaybackWindow(72)
    assert policy.terms_for("basic", premiere, "NO").get(RenewalsPerLicense) is None


def test_a_layer_takes_over_what_it_extends_and_its_own_holds() -> None:
    policy = read(SOUND).policy(datetime(2026, 12, 1, tzinfo=UTC))
    door = CATALOGUE.titles["stage-door"]

    assert policy.terms_for("premium").get(DeviceLimit) == DeviceLimit(6)
    terms = policy.terms_for("basic", door)
    assert terms.get(TitleDownloadsPerYear) == TitleDownloadsPerYear(2)
    assert terms.get(LicenseDuration) == LicenseDuration(48)
    assert policy.terms_for("basic", door, "NO").get(RenewalsPerLicense) is None
    assert policy.terms_for("basic", door, "SE").get(PlaybackWindow) == PlaybackWindow(24)


def test_every_clause_is_found_where_it_is_written() -> None:
    document = read(SOUND)
    policy = document.policy(datetime(2026, 12, 1, tzinfo=UTC))
    terms = policy.terms_for("basic", CATALOGUE.titles["stage-door"], "NO")

    found = {
        rule: (document.written(layer, rule).layer, document.written(layer, rule).place.line)
        for rule, layer in terms.sources.items()
    }

    assert found == {
        "device-limit": ("default", 6),
        "license-duration": ("titles.the-premiere", 25),
        "playback-window": ("default", 8),
        "title-downloads-per-year": ("templates.strict", 12),
        "renewals-per-license": ("titles.the-premiere.countries.NO", 28),
    }


@pytest.mark.parametrize("off", ["off", "null", "~", "false", "no", "'off'", ""])
def test_a_rule_is_switched_off_in_each_way_that_people_write(off: str) -> None:
    document = read(f"version: a\ndefault:\n  device-limit: {off}\n")

    assert document.default.clauses["device-limit"].clause is None


@pytest.mark.parametrize(
    ("text", "place", "path", "hint"),
    [
        (changed("devices_max: 1", "devices_max: -1"), "6:31", "default.device-limit.d", ">= 0"),
        (changed("{devices_max: 1}", "{}"), "6:3", "default.device-limit", "devices_max is missin"),
        (changed("{devices_max: 1}", "1"), "6:17", "default.device-limit",
         "Write {devices_max: …}"),
        (changed("{devices_max: 1}", "on"), "6:3", "default.device-limit",
         "devices_max is missing"),
        (changed("{devices_max: 1}", "[1]"), "6:17", "default.device-limit", "[1] where its param"),
        (changed("devices_max: 1", "devices_max: '1'"), "6:31", "default.device-limit.d", "`int`"),
        (changed("devices_max: 1", "devices_max: 1.5"), "6:31", "default.device-limit.d", "`int`"),
        (changed("devices_max: 1", "devices_max: yes"), "6:31", "default.device-limit.d", "`int`"),
        (changed("devices_max: 1", "devices_max: null"), "6:31", "default.device-limit.d", "`int`"),
        (changed("device-limit: {devices_max: 1}", "title-availability: {available_from: 2026}"),
         "6:40", "default.title-availability.available_from",
         "a time with its zone, as available_from: 2026-12-01T00:00:00Z, not 2026"),
        (changed("device-limit: {devices_max: 1}", "title-availability: {available_from: noon}"),
         "6:40", "default.title-availability.available_from", "a time with its zone"),
        (changed("devices_max: 1", "device_max: 1"), "6:18", "default.device-limit.device_max",
         "device-limit has no such parameter. Did you mean devices_max?"),
        (changed("device-limit", "device-limits"), "6:3", "default.device-limits",
         "there is no such rule. Did you mean device-limit?"),
        (changed("device-limit", "zzz"), "6:3", "default.zzz", "Use: account-standing"),
        (changed("version: 2026-12\n", ""), "", "version is missing", "version: 2026-12"),
        (changed("2026-12\n", "2026\n"), "1:10", "version", "put it in quotes"),
        (changed("2026-12\n", "a/b\n"), "1:10", "version", "1 to 64 characters"),
        (changed("2026-12\n", f"{'a' * 65}\n"), "1:10", "version", "1 to 64 characters"),
        (changed("01T00:00:00Z", "01"), "2:17", "effective_from", "a time with its zone"),
        (changed("00:00Z", "00:00"), "2:17", "effective_from", "a time with its zone"),
        (changed("2026-12-01T00:00:00Z", "1764547200"), "2:17", "effective_from",
         "must be a time with its zone, as effective_from: 2026-12-01T00:00:00Z"),
        (changed("2026-12-01T", "9999-12-01T"), "2:17", "effective_from", "outside the years"),
        (changed("2026-12-01T", "soon "), "2:17", "effective_from", "a time with its zone"),
        (changed("note: The first one.", "note: 7"), "3:7", "note", "put it in quotes"),
        (changed("plans:", "plan:"), "15:1", "plan", "no such part. Did you mean plans?"),
        (changed("  standard:\n", "  standrd:\n"), "16:3", "plans.standrd",
         "Did you mean standard"),
        (changed("stage-door", "stage-dor"), "29:3", "titles.stage-dor", "Did you mean stage-door"),
        (SOUND + "agreements:\n  nobody: {}\n", "39:3", "agreements.nobody", "no such agreement"),
        (changed("  DE:", "  UK:"), "36:3", "countries.UK", "no country with this code"),
        (changed("  DE:", "  de:"), "36:3", "countries.de", "Did you mean DE?"),
        (changed("      NO:", "      XX:"), "27:7", "titles.the-premiere.countries.XX",
         "no country"),
        (changed("templates.strict", "templates.strikt"), "24:14", "titles.the-premiere.extends",
         "Did you mean templates.strict?"),
        (changed("templates.strict", "[a]"), "24:14", "titles.the-premiere.extends", "one other"),
        (changed("  strict:", "  a/b:"), "11:3", "templates.a/b", "not an id"),
        (changed("hours: 720", "hours: 47"), "8:3", "default.playback-window",
         "48 hours are longer than the licence lasts (47 hours, by default)"),
        (changed("{hours: 24}", "{hours: 49}"), "33:9", "titles.stage-door.countries.SE.playback",
         "longer than the licence lasts (48 hours, by titles.stage-door)"),
        ("version: a\ndefault: 3\n", "2:10", "default", "must be a mapping of rules"),
        ("version: a\nplans: 3\n", "2:8", "plans", "must be a mapping of names"),
        ("version: a\nplans: {basic: 3}\n", "2:16", "plans.basic", "must be a mapping of rules"),
        ("version: a\ntitles: {saltmarsh: {countries: 3}}\n", "2:33", "titles.saltmarsh.countries",
         "must be a mapping of country codes"),
        ("version: a\nplans: {basic: {countries: {DE: {}}}}\n", "2:17", "plans.basic.countries",
         "there is no such rule"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_line_column_and_path(
    text: str, place: str, path: str, hint: str
) -> None:
    where = f"p.yaml:{place}: {path}" if place else f"p.yaml: {path}"

    found = [problem for problem in problems(text) if problem.startswith(where) and hint in problem]

    assert found, problems(text)


@pytest.mark.parametrize(
    ("extends", "shown"),
    [
        ({"basic": "plans.basic"}, "plans.basic → plans.basic"),
        ({"basic": "plans.standard", "standard": "plans.basic"}, "plans.basic → plans.standard →"),
        (
            {"basic": "plans.standard", "standard": "plans.premium", "premium": "plans.standard"},
            "plans.standard → plans.premium → plans.standard",
        ),
    ],
)
def test_a_circle_of_layers_is_told_once(extends: dict[str, str], shown: str) -> None:
    plans = "".join(f"  {plan}: {{extends: {base}}}\n" for plan, base in extends.items())

    (problem,) = problems(f"version: a\nplans:\n{plans}")

    assert re.match(rf"p.yaml:{2 + len(extends)}:\d+: plans.\w+.extends: layers extend", problem)
    assert shown in problem


def test_a_long_chain_of_layers_is_followed() -> None:
    links = "".join(f"  t{n}: {{extends: templates.t{n + 1}}}\n" for n in range(3_000))
    text = f"version: a\ntemplates:\n{links}  t3000: {{device-limit: {{devices_max: 5}}}}\n"

    document = read(f"{text}plans:\n  basic: {{extends: templates.t0}}\n")

    assert document.sections["plans"]["basic"].clauses["device-limit"].place.line == 3_003


def test_a_window_that_many_titles_take_over_is_told_once() -> None:
    text = changed("{hours: 720}", "{hours: 47}").replace("    license-duration: {hours: 48}\n", "")

    assert len(problems(text)) == 2  # by default, and in Germany


def test_all_problems_are_told_at_once_in_the_order_of_the_text() -> None:
    text = changed("devices_max: 1", "devices_max: -1")
    text = changed("hours: 720", "hours: x", text)
    text = changed("countries:\n  DE:", "countries:\n  UK:", text)
    text = changed("plans.standard", "plans.nobody", text)

    assert [problem.split(": ")[0] for problem in problems(text)] == [
        "p.yaml:6:31",
        "p.yaml:7:29",
        "p.yaml:19:14",
        "p.yaml:36:3",
    ]


def test_a_bounded_number_of_problems_is_shown() -> None:
    plans = "".join(f"  p{n}: {{}}\n" for n in range(50))

    with pytest.raises(PolicyError, match="… and 30 more"):
        read(f"version: a\nplans:\n{plans}")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("version: &a x\nnote: *a\n", "anchors and aliases"),
        ("version: !!python/object/apply:os.system ['true']\n", "tags such as"),
        ("version: !custom x\n", "tags such as"),
        (b"version: \xff\n", "not UTF-8"),
        (SOUND.encode("utf-16"), "not UTF-8"),
        ("version: a\nversion: b\n", "twice, first in line 1"),
        ("version: a\n---\nversion: b\n", "a second document"),
        ("- version\n", "must be a mapping"),
        ("", "must be a mapping"),
        ("version: 'a\n", "not YAML"),
        ("default: " + "{a: " * 50, "more than 8 mappings or lists"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_whole(text: str | bytes, hint: str) -> None:
    assert any(hint in problem for problem in problems(text))


def test_a_document_over_the_bound_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_bytes(SOUND.encode() + b"#" * 10_000_000)

    with pytest.raises(PolicyError, match=r"larger than 524,288 bytes"):
        load_policy(file, CATALOGUE)
    with pytest.raises(PolicyError, match="larger than"):
        read(b"[" * (DOCUMENT_BYTES_MAX + 1))
    padding = b"#" * (DOCUMENT_BYTES_MAX - len(SOUND))
    assert read(SOUND.encode() + padding).version == "2026-12"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"none.yaml: cannot be read \(No such file"):
        load_policy(tmp_path / "none.yaml")


def test_what_the_catalogue_has_no_more_matters_only_where_one_is_given() -> None:
    text = changed("stage-door", "gone")

    assert "gone" in read_policy(text.encode(), "p.yaml").sections["titles"]
    assert problems(text)
