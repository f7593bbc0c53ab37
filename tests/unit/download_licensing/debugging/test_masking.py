"""What is masked, what stays, and that nothing is forgotten."""

import re
from datetime import UTC, datetime
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from download_licensing.debugging.masking import (
    KEPT_AGGREGATES,
    KEPT_FIELDS,
    KEY_BYTES_MIN,
    MASKED_AGGREGATES,
    MASKED_FIELDS,
    MASKED_METADATA,
    Mask,
    text_fields,
)
from download_licensing.domain.ids import ID_PATTERN, LICENSE_ID_PATTERN
from download_licensing.service.licensing import AGGREGATES
from download_licensing.service.noted_refusals import RefusalNoted
from helenus import Event
from helenus.codec import CommitMeta
from helenus.errors import InvalidArgument
from tests.unit.docs.pages import ROOT

EVENTS = sorted(
    {RefusalNoted, *[one for aggregate in AGGREGATES for one in aggregate.handlers]}, key=str
)
T0 = datetime(2026, 1, 1, tzinfo=UTC)
MASK = Mask(b"a key of sixteen")


class Part(msgspec.Struct, frozen=True):
    """A part of an event."""

    note: str
    number: int


class Odd(Event, name="debugging-odd"):
    """An event with every kind of field."""

    nickname: str
    state: Literal["on", "off"]
    maybe: str | None
    names: list[str]
    by_name: dict[str, str]
    part: Part
    parts: tuple[Part, ...]
    number: int
    at: datetime


ODD = Odd(
    nickname="Ada",
    state="on",
    maybe="Ada",
    names=["Ada", "Bob"],
    by_name={"Ada": "Bob"},
    part=Part("Ada", 1),
    parts=(Part("Bob", 2),),
    number=3,
    at=T0,
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda one: one.event_name)
def test_of_every_text_in_an_event_it_is_said_whether_it_stays(event: type[Event]) -> None:
    known = MASKED_FIELDS.keys() | KEPT_FIELDS
    assert [name for name in text_fields(event) if name not in known] == []


def test_of_every_aggregate_it_is_said_whether_its_id_stays() -> None:
    names = {one.aggregate_name for one in AGGREGATES}
    assert names == MASKED_AGGREGATES.keys() | KEPT_AGGREGATES
    assert not MASKED_AGGREGATES.keys() & KEPT_AGGREGATES
    assert not MASKED_FIELDS.keys() & KEPT_FIELDS


def test_all_that_is_recorded_beside_events_is_masked_or_left_out() -> None:
    assert set(CommitMeta.__struct_fields__) - MASKED_METADATA.keys() == {"fingerprint", "outcome"}


def test_a_field_that_nobody_listed_is_masked_wherever_it_has_text() -> None:
    masked = MASK.event(ODD)
    assert "Ada" not in str(masked)
    assert "Bob" not in str(masked)
    assert (masked.state, masked.number, masked.at) == ("on", 3, T0)
    assert [masked.part.number, masked.parts[0].number] == [1, 2]
    assert masked.nickname == masked.maybe == masked.names[0] == masked.part.note


def test_the_same_id_has_the_same_pseudonym_in_every_place() -> None:
    held = RefusalNoted(position=1, at=T0, device_id="tv", license_id="lic-1")
    masked = MASK.event(held)
    assert masked.device_id == MASK.pseudonym("device", "tv")
    assert masked.device_id == MASK.aggregate_id("device", "tv")
    assert masked.license_id == MASK.aggregate_id("license", "lic-1")
    assert MASK.pseudonym("device", "tv") != MASK.pseudonym("customer", "tv")
    assert MASK.metadata("actor", None) is None


def test_another_key_gives_other_pseudonyms() -> None:
    other = Mask(b"another key of 22 byte")
    assert other.customer("ada") != MASK.customer("ada")
    assert Mask(b"a key of sixteen").customer("ada") == MASK.customer("ada")


def test_a_pseudonym_has_the_form_of_what_it_stands_for() -> None:
    assert re.match(LICENSE_ID_PATTERN, MASK.pseudonym("license", "lic-1"))
    assert re.match(ID_PATTERN, MASK.customer("ada"))
    assert re.match(ID_PATTERN, MASK.pseudonym("device", "tv"))
    assert MASK.pseudonym("device", "") == ""


@given(st.text(min_size=1), st.sampled_from(["customer", "device", "license"]))
def test_a_pseudonym_tells_nothing_but_that_it_is_another_one(text: str, kind: str) -> None:
    pseudonym = MASK.pseudonym(kind, text)
    assert len(pseudonym.rpartition("-")[2]) == 32
    assert text not in pseudonym or len(text) < 8
    assert MASK.pseudonym(kind, text + "x") != pseudonym


@given(st.binary(max_size=KEY_BYTES_MIN - 1))
def test_a_key_that_could_be_guessed_is_refused(key: bytes) -> None:
    with pytest.raises(InvalidArgument, match="at least 16 bytes"):
        Mask(key)


def test_the_page_lists_what_is_masked_and_what_stays() -> None:
    page = (ROOT / "docs" / "licensing" / "debugging.md").read_text(encoding="utf-8")
    section = page.partition("\n### What is masked\n")[2].partition("\n## ")[0]
    for name in (*MASKED_FIELDS, *MASKED_METADATA, *KEPT_FIELDS):
        assert f"`{name}`" in section
