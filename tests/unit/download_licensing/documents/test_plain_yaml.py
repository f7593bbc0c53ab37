import pytest
import yaml

from download_licensing.documents import Document, Place, Problems, read_document
from download_licensing.documents import plain_yaml as module


@pytest.fixture(params=["libyaml", "python"])
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(module, "_Loader", yaml.SafeLoader)


def read(text: str | bytes, *, lists: bool = False, times: bool = False) -> Document:
    problems = Problems()
    content = text.encode() if isinstance(text, str) else text
    document = read_document(content, problems, depth_max=5, lists=lists, times=times)
    assert document is not None, problems.listed()
    assert not problems
    return document


def problems_of(text: str | bytes, *, lists: bool = False) -> list[tuple[Place | None, str]]:
    problems = Problems()
    content = text.encode() if isinstance(text, str) else text
    assert read_document(content, problems, depth_max=5, lists=lists) is None
    return [(problem.place, problem.message) for problem in problems.listed()]


@pytest.mark.usefixtures("_loader")
def test_every_key_and_value_has_its_place() -> None:
    document = read("a:\n  bb: 3\n  cc: [7,  8]\n", lists=True)

    assert document.root == {"a": {"bb": 3, "cc": [7, 8]}}
    assert document.keys[("a", "bb")] == Place(2, 3)
    assert document.value_place(("a", "bb")) == Place(2, 7)
    assert document.value_place(("a", "cc", 1)) == Place(3, 12)


@pytest.mark.usefixtures("_loader")
def test_columns_count_characters_not_bytes() -> None:
    document = read("a: {'Ærøskøbing–𝄞': 1, b: 2}\n")

    assert document.keys[("a", "b")] == Place(1, 24)


def test_keys_are_the_text_that_is_written() -> None:
    document = read("NO: 1\n'NO ': 2\n1: {on: 3}\n2026-01-01: 4\n<<: 5\n")

    assert document.root == {"NO": 1, "NO ": 2, "1": {"on": 3}, "2026-01-01": 4, "<<": 5}


def test_times_are_text_where_they_are_taken() -> None:
    document = read("from: 2026-03-01T00:00:00Z\nday: 2026-03-01\n", times=True)

    assert document.root == {"from": "2026-03-01T00:00:00Z", "day": "2026-03-01"}


def test_times_are_refused_where_they_are_not_taken() -> None:
    ((place, message),) = problems_of("day: 2026-03-01\n")

    assert place == Place(1, 6)
    assert "Put it in quotes" in message


@pytest.mark.usefixtures("_loader")
def test_everything_outside_the_subset_is_told_at_once_in_the_order_of_the_text() -> None:
    found = problems_of("a: &x {b: 1}\nc: *x\nd: !!python/name:os.system\ne: [1]\n")

    assert [place for place, _ in found] == [Place(1, 4), Place(2, 4), Place(3, 4), Place(4, 4)]
    assert ["anchors" in m or "tags" in m or "list" in m for _, m in found] == [True] * 4


@pytest.mark.usefixtures("_loader")
def test_an_alias_bomb_is_refused_before_anything_is_built() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]
    text = "\n".join(["l0: &l0 [lol, lol]", *levels])

    found = problems_of(text, lists=True)

    assert len(found) == 10 + 9 * 9
    assert all("anchors and aliases" in message for _, message in found)


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_a_text_that_nests_without_end_is_refused_at_the_bound(opening: str) -> None:
    ((place, message),) = problems_of(f"a: {opening * 100_000}", lists=True)

    assert place == Place(1, 4 + 4 * len(opening))
    assert "more than 5 mappings or lists" in message


def test_every_key_that_occurs_twice_is_told() -> None:
    found = problems_of("a: {b: 1, b: 2}\na: 3\n'a': 4\n")

    assert [place for place, _ in found] == [Place(1, 11), Place(2, 1), Place(3, 1)]
    assert found[2][1] == "twice, first in line 1. Keep one."


def test_what_is_not_utf8_has_line_and_column() -> None:
    ((place, message),) = problems_of("é: 1\nü: ".encode() + b"\xff\n")

    assert place == Place(2, 4)
    assert "Save the file as UTF-8" in message


@pytest.mark.parametrize(
    "content",
    ["a: 1\n".encode("utf-16"), "a: 1\n".encode("utf-32"), b"\x00\x01\x02", b"", b"# nothing\n"],
)
def test_another_encoding_and_an_empty_text_are_refused(content: bytes) -> None:
    assert problems_of(content)


def test_a_byte_order_mark_does_not_matter() -> None:
    assert read(b"\xef\xbb\xbfa: 1\n").root == {"a": 1}


def test_no_more_problems_are_kept_than_the_bound() -> None:
    found = problems_of("".join(f"k{n}: !t 1\n" for n in range(1_500)))

    assert len(found) == 1_001
    assert found[-1] == (None, "500 more problems were found.")
