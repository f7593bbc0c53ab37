import re
from pathlib import Path
from typing import Any

import pytest

from download_licensing.catalogue import FILE_BYTES_MAX, Catalogue, CatalogueError
from download_licensing.domain.terms import Title

SOUND = """\
plans:
  basic:
    name: Basic
titles:
  glass-harbour:
    name: Glass Harbour
    studio: Tidewater
    agreement: tide-2026
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

    assert list(shipped.plans) == ["ads", "basic", "standard", "premium"]
    assert len(titles) >= 40
    assert len({t.studio for t in titles}) >= 5
    assert len({t.agreement for t in titles}) == len({t.studio for t in titles})


def test_a_title_is_read_with_its_agreement_if_it_has_one() -> None:
    text = SOUND + "  free:\n    name: Free\n    studio: Tidewater\n"

    titles = Catalogue.parse(text.encode(), "c.yaml").titles

    assert titles["glass-harbour"] == Title(
        title_id="glass-harbour", name="Glass Harbour", studio="Tidewater", agreement="tide-2026"
    )
    assert titles["free"].agreement == ""


def test_a_catalogue_cannot_be_changed() -> None:
    catalogue: Any = Catalogue.parse(SOUND.encode(), "c.yaml")

    with pytest.raises(TypeError):
        catalogue.plans["gold"] = catalogue.plans["basic"]
    with pytest.raises(AttributeError, match="immutable"):
        catalogue.plans = {}
    with pytest.raises(AttributeError):
        catalogue.plans["basic"].name = "Other"


def test_a_file_is_read_and_named_in_errors(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yaml"
    file.write_text(SOUND)
    assert Catalogue.load(file).plans["basic"].name == "Basic"

    file.write_text(changed("name: Basic", "name: 1"))
    with pytest.raises(CatalogueError, match=re.escape(f"{file}:3:11: plans.basic.name")):
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
        (changed("name: Basic", "name: ''"), 3, "plans.basic.name", ">= 1"),
        (changed("name: Basic", "name: 7"), 3, "plans.basic.name", "`str`"),
        (changed("name: Basic", "name: {a: 1}"), 3, "plans.basic.name", "`str`"),
        (changed("name: Basic\n", "nam: Basic\n"), 2, "plans.basic", "name is missing"),
        (changed("name: Basic\n", "nam: Basic\n"), 3, "plans.basic.nam", "Did you mean name"),
        (
            changed("    studio", "    x: 1\n    studio"),
            7,
            "titles.glass-harbour.x",
            "unknown. Use:",
        ),
        (
            changed("    studio", "    renewals_max: 1\n    studio"),
            7,
            "titles.glass-harbour.renewals_max",
            "the policy's to say",
        ),
        (changed("    name: Basic", "    devices_max: 1"), 3, "plans.basic.dev", "the policy's"),
        (changed("tide-2026", "a/b"), 8, "titles.glass-harbour.agreement", "regex"),
        (changed("glass-harbour", "glass/harbour"), 5, "titles.glass/harbour", "not an id"),
        (changed("glass-harbour", "'..'"), 5, "titles...", "not an id"),
        (changed("titles:", "movies:"), 4, "movies", "unknown; a catalogue has plans and titles"),
        (SOUND.split("titles:", maxsplit=1)[0], None, "titles", "at least one entry"),
        (SOUND.split("titles:", maxsplit=1)[0] + "titles: {}\n", 4, "titles", "at least one entry"),
        (SOUND.split("titles:", maxsplit=1)[0] + "titles: none\n", 4, "titles", "mapping"),
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
        (SOUND + "plans: {}\n", 9, "plans: twice, first in line 1"),
        (changed("    name: Basic\n", "    name: A\n    name: B\n"), 4, "basic.name: twice"),
        ("plans: &all {a: 1}\n", 1, "anchors and aliases"),
        ("plans: {a: 1}\ntitles: !!python/object:os.system {}\n", 2, "tags such as"),
        ("plans: !!int '3'\n", 1, "tags such as"),
        ("---\nplans: {}\n---\nplans: {}\n", 3, "a second document"),
        ("a: {b: {c: {d: {e: 1}}}}", 1, "more than 4 mappings"),
        (changed("  basic:", "  {a: b}:"), 2, "cannot be a key"),
        (changed("  basic:", "  '':"), 2, "cannot be a key"),
        (changed("name: Basic", "name: 2026-01-01"), 3, "special value"),
        (changed("name: Basic", "name: ="), 3, "special value"),
        (changed("name: Basic", "name: " + "9" * 5_000), 3, "cannot be"),
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

    assert len(found) == 30 + 1
    with pytest.raises(CatalogueError, match="… and 11 more"):
        Catalogue.parse(f"plans:\n{plans}titles: {{}}\n".encode(), "c.yaml")
