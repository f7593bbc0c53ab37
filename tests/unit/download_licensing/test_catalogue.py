import re
from pathlib import Path
from typing import Any

import pytest

from download_licensing.catalogue import FILE_BYTES_MAX, Catalogue, CatalogueError

SOUND = """\
plans:
  basic:
    name: Basic
    devices_max: 1
    active_downloads_per_device_max: 100
titles:
  glass-harbour:
    name: Glass Harbour
    studio: Tidewater
    downloads_per_year_max: 3
    license_duration_hours: 720
    playback_window_hours: 48
    renewals_max: null
"""


def problems(text: str | bytes) -> tuple[str, ...]:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(CatalogueError) as error:
        Catalogue.parse(content, "c.yaml")
    shown = tuple([problem.shown("c.yaml") for problem in error.value.problems])
    assert str(error.value).startswith(shown[0])
    return shown


def changed(old: str, new: str) -> str:
    assert old in SOUND
    return SOUND.replace(old, new, 1)


def test_the_shipped_catalogue_is_sound_and_varied() -> None:
    shipped = Catalogue.shipped()
    titles = shipped.titles.values()

    limits = {
        i: (p.devices_max, p.active_downloads_per_device_max) for i, p in shipped.plans.items()
    }
    assert limits == {"basic": (1, 100), "standard": (2, 100), "premium": (6, 100)}
    assert len(titles) >= 40
    assert len({t.studio for t in titles}) >= 5
    assert {t.downloads_per_year_max for t in titles} >= {None, *range(2, 9), 10}
    assert {t.license_duration_s // 3600 for t in titles} >= {0, 48, 168, 720}
    assert {t.playback_window_s // 3600 for t in titles} >= {0, 48}
    assert {t.renewals_max for t in titles} >= {None, *range(6)}


def test_terms_are_read_with_their_units() -> None:
    title = Catalogue.parse(SOUND.encode(), "c.yaml").titles["glass-harbour"]

    assert (title.title_id, title.name, title.studio) == (
        "glass-harbour",
        "Glass Harbour",
        "Tidewater",
    )
    assert (title.downloads_per_year_max, title.renewals_max) == (3, None)
    assert (title.license_duration_s, title.playback_window_s) == (720 * 3600, 48 * 3600)


def test_a_catalogue_cannot_be_changed() -> None:
    catalogue: Any = Catalogue.parse(SOUND.encode(), "c.yaml")

    with pytest.raises(TypeError):
        catalogue.plans["gold"] = catalogue.plans["basic"]
    with pytest.raises(AttributeError, match="immutable"):
        catalogue.plans = {}
    with pytest.raises(AttributeError):
        catalogue.plans["basic"].devices_max = 9


def test_a_file_is_read_and_named_in_errors(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yaml"
    file.write_text(SOUND)
    assert Catalogue.load(file).plans["basic"].devices_max == 1

    file.write_text(changed("devices_max: 1", "devices_max: -1"))
    with pytest.raises(CatalogueError, match=re.escape(f"{file}:4:18: plans.basic.devices_max")):
        Catalogue.load(file)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        Catalogue.load(tmp_path / name)


def test_a_file_over_the_bound_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yaml"
    with file.open("wb") as growing:
        growing.truncate(FILE_BYTES_MAX * 4)

    with pytest.raises(CatalogueError, match="larger than 8,388,608 bytes"):
        Catalogue.load(file)


@pytest.mark.parametrize(
    ("text", "line", "path", "hint"),
    [
        (changed("devices_max: 1", "devices_max: -1"), 4, "plans.basic.devices_max", ">= 0"),
        (changed("devices_max: 1", "devices_max: '1'"), 4, "plans.basic.devices_max", "`int`"),
        (changed("devices_max: 1", "devices_max: yes"), 4, "plans.basic.devices_max", "`int`"),
        (changed("devices_max: 1", "devices_max: 1.5"), 4, "plans.basic.devices_max", "`int`"),
        (changed("devices_max: 1", "devices_max: 101"), 4, "plans.basic.devices_max", "<= 100"),
        (changed("devices_max: 1", "devices_max: null"), 4, "plans.basic.devices_max", "`int`"),
        (changed("devices_max: 1", "devices_max: {a: 1}"), 4, "plans.basic.devices_max", "`int`"),
        (changed("device_max: 100", "device_max: 401"), 5, "plans.basic.active", "<= 400"),
        (changed("name: Basic", "name: ''"), 3, "plans.basic.name", ">= 1"),
        (changed("name: Basic", "name: 7"), 3, "plans.basic.name", "`str`"),
        (
            changed("devices_max: 1\n", "devices_mx: 1\n"),
            2,
            "plans.basic",
            "devices_max is missing",
        ),
        (changed("devices_max", "x: 1\n    devices_max"), 4, "plans.basic.x", "unknown. Use: name"),
        (changed("year_max: 3", "year_max: -3"), 10, "titles.glass-harbour.downloads", ">= 0"),
        (changed("hours: 720", "hours: 87601"), 11, "titles.glass-harbour.license", "<= 87600"),
        (
            changed("hours: 720", "hours: 47"),
            12,
            "titles.glass-harbour.playback",
            "longer than the",
        ),
        (changed("glass-harbour", "glass/harbour"), 7, "titles.glass/harbour", "not an id"),
        (changed("glass-harbour", "'..'"), 7, "titles...", "not an id"),
        (changed("titles:", "movies:"), 6, "movies", "unknown; a catalogue has plans and titles"),
        (SOUND.split("titles:", maxsplit=1)[0], None, "titles", "at least one entry"),
        (SOUND.split("titles:", maxsplit=1)[0] + "titles: {}\n", 6, "titles", "at least one entry"),
        (SOUND.split("titles:", maxsplit=1)[0] + "titles: none\n", 6, "titles", "mapping"),
        ("plans: {basic: 3}\ntitles: {a: b}\n", 1, "plans.basic", "must be a mapping"),
    ],
)
def test_an_unsound_entry_is_named_with_line_and_path(
    text: str, line: int | None, path: str, hint: str
) -> None:
    place = "c.yaml" if line is None else rf"c.yaml:{line}:\d+"

    found = [p for p in problems(text) if re.match(f"{place}: {path}", p) and hint in p]

    assert found, problems(text)


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("", 1, "must be a mapping"),
        ("[]", 1, "a list"),
        ("plans", 1, "must be a mapping"),
        ("plans: [basic]", 1, "a list"),
        ("plans:\n  basic: {", 3, "not YAML"),
        ("plans:\n\tbasic: 1", 2, "not YAML"),
        ("plans: \x00", None, "not YAML"),
        (b"plans:\n  \xff: 1", 2, "not UTF-8"),
        (SOUND + "plans: {}\n", 14, "plans: twice, first in line 1"),
        (changed("    devices_max", "    name: Other\n    devices_max"), 4, "basic.name: twice"),
        ("plans: &all {a: 1}\n", 1, "anchors and aliases"),
        ("plans: {a: 1}\ntitles: !!python/object:os.system {}\n", 2, "tags such as"),
        ("plans: !!int '3'\n", 1, "tags such as"),
        ("---\nplans: {}\n---\nplans: {}\n", 3, "a second document"),
        ("a: {b: {c: {d: {e: 1}}}}", 1, "more than 4 mappings"),
        (changed("  basic:", "  {a: b}:"), 2, "cannot be a key"),
        (changed("  basic:", "  '':"), 2, "cannot be a key"),
        (changed("name: Basic", "name: 2026-01-01"), 3, "special value"),
        (changed("name: Basic", "name: ="), 3, "special value"),
        (changed("devices_max: 1", "devices_max: " + "9" * 5_000), 4, "cannot be"),
    ],
)
def test_what_is_not_plain_yaml_is_named_with_its_line(
    text: str | bytes, line: int | None, hint: str
) -> None:
    (problem,) = problems(text)

    assert re.match("c.yaml: " if line is None else rf"c.yaml:{line}:\d+: ", problem)
    assert hint in problem


def test_all_problems_are_told_at_once_up_to_a_bound() -> None:
    plans = "".join(f"  p{n}: {{}}\n" for n in range(30))

    found = problems(f"plans:\n{plans}titles: {{}}\n")

    assert len(found) == 30 * 3 + 1
    with pytest.raises(CatalogueError, match="… and 71 more"):
        Catalogue.parse(f"plans:\n{plans}titles: {{}}\n".encode(), "c.yaml")


@pytest.mark.parametrize(
    "terms",
    ["license_duration_hours: 48", "license_duration_hours: 0"],
)
def test_a_window_as_long_as_the_licence_or_in_an_unlimited_one_is_sound(terms: str) -> None:
    text = changed("license_duration_hours: 720", terms)

    assert Catalogue.parse(text.encode(), "c.yaml").titles
