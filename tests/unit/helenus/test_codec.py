"""The codec: what was written is read back, also by newer code, and damage is always named."""

from __future__ import annotations

import contextlib
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import helenus.codec
from helenus import (
    Aggregate,
    Codec,
    CodecError,
    Commit,
    CorruptData,
    Event,
    LimitExceeded,
    UnknownEvent,
    applies,
    upcast,
)
from helenus.codec import CommitMeta


class Moved(Event, name="test-moved", version=3):
    place: str
    floor: int = 0
    price: Decimal | None = None
    at: datetime | None = None
    tags: list[str] = msgspec.field(default_factory=list)


@upcast("test-moved", from_version=1)
def _rename_city(fields: dict[str, Any]) -> dict[str, Any]:
    return {"town": fields["city"]}


@upcast("test-moved", from_version=2)
def _rename_town(fields: dict[str, Any]) -> dict[str, Any]:
    return {"place": fields["town"].title(), "floor": 1}


class Left(Event, name="test-left"):
    pass


class Person(Aggregate, name="test-person"):
    place: str = ""

    @applies
    def moved(self, event: Moved) -> None:
        self.place = event.place

    @applies
    def left(self, event: Left) -> None:
        self.place = ""


CODEC = Codec([Person])
encode = msgspec.msgpack.encode


def commit_of(body: bytes, *kinds: str, meta: bytes = b"\x80") -> Commit:
    tags = kinds or ("test-moved@3",)
    return Commit(uuid.uuid4().bytes, 1, len(tags), 1, tags, meta, body)


def stored(*events: dict[str, Any]) -> Commit:
    return commit_of(encode([("test-person", "p", event) for event in events]))


def decoded(*events: dict[str, Any]) -> list[Event]:
    return [event for _, _, event in CODEC.decode_body("s", stored(*events))]


def test_events_come_back_as_they_were() -> None:
    events = [
        Moved(
            place="Žižkov",
            floor=-3,
            price=Decimal("1.10"),
            at=datetime(2026, 1, 1, 12, 30, 0, 123_456, tzinfo=UTC),
            tags=["a", "b"],
        ),
        Left(),
    ]
    entries = [("test-person", "p/1", event) for event in events]
    assert CODEC.decode_body("s", commit_of(CODEC.encode_body(entries))) == entries


def test_a_missing_field_takes_its_default_and_an_unknown_one_is_ignored() -> None:
    assert decoded({"$event": "test-moved@3", "place": "a"}) == [Moved(place="a")]
    assert decoded({"$event": "test-moved@3", "place": "a", "new": {"x": [1]}}) == [
        Moved(place="a")
    ]


def test_upcasters_are_chained_from_every_version() -> None:
    assert decoded({"$event": "test-moved", "city": "old town"}) == [
        Moved(place="Old Town", floor=1)
    ]
    assert decoded({"$event": "test-moved@2", "town": "old town"}) == [
        Moved(place="Old Town", floor=1)
    ]


def test_one_commit_may_hold_several_versions() -> None:
    assert decoded(
        {"$event": "test-moved@3", "place": "c", "price": "2.5"},
        {"$event": "test-left"},
        {"$event": "test-moved", "city": "a"},
        {"$event": "test-moved@2", "town": "b"},
    ) == [
        Moved(place="c", price=Decimal("2.5")),
        Left(),
        Moved(place="A", floor=1),
        Moved(place="B", floor=1),
    ]


def test_golden_bytes_keep_their_meaning() -> None:
    golden = bytes.fromhex(
        "9193ab746573742d706572736f6ea170"  # [["test-person", "p",
        "82a6246576656e74aa746573742d6d6f766564"  # {"$event": "test-moved",
        "a463697479a462726e6f"  # "city": "brno"}]]
    )
    assert CODEC.decode_body("s", commit_of(golden)) == [
        ("test-person", "p", Moved(place="Brno", floor=1))
    ]


def test_an_unknown_event_is_named_with_its_place() -> None:
    with pytest.raises(UnknownEvent, match=r"'s', position 2.*'test-nothing'"):
        decoded({"$event": "test-left"}, {"$event": "test-nothing"})


def test_an_event_of_a_newer_version_asks_for_an_upgrade() -> None:
    with pytest.raises(UnknownEvent, match=r"version 4 by newer code.*Upgrade"):
        decoded({"$event": "test-moved@4", "place": "a"})


def test_a_failing_upcaster_is_named() -> None:
    with pytest.raises(CodecError, match=r"upcaster of event 'test-moved' from version 1.*city"):
        decoded({"$event": "test-moved", "town": "a"})


def test_an_upcaster_that_returns_nothing_is_named() -> None:
    class Faded(Event, name="test-faded", version=2):
        pass

    class Fades(Aggregate, name="test-fades"):
        pass

    Fades.handlers = {Faded: lambda *_: None}
    upcast("test-faded", from_version=1)(lambda _: None)  # type: ignore[arg-type,return-value]
    body = encode([("test-fades", "f", {"$event": "test-faded"})])
    with pytest.raises(CodecError, match="returned NoneType"):
        Codec([Fades]).decode_body("s", commit_of(body))


@pytest.mark.parametrize(
    "tag", [None, 5, b"test-moved", ["test-moved"], {}, "test-moved@x", "test-moved@", "@", ""]
)
def test_a_tag_that_cannot_be_read_is_named(tag: Any) -> None:
    with pytest.raises(CodecError):
        decoded({"$event": tag, "town": 5})


@pytest.mark.parametrize(
    "fields", [{}, {"place": 5}, {"place": "a", "floor": "1"}, {"place": "a", "at": "yesterday"}]
)
def test_fields_that_do_not_fit_are_named(fields: dict[str, Any]) -> None:
    with pytest.raises(CorruptData, match="test-moved"):
        decoded({"$event": "test-moved@3"} | fields)


def test_a_value_that_cannot_be_encoded_is_named() -> None:
    for wrong in (object(), "\ud800", 2**70):
        event = Moved(place=wrong)  # type: ignore[arg-type]  # the mistake
        with pytest.raises(CodecError, match="'test-moved' of test-person 'p'"):
            CODEC.encode_body([("test-person", "p", event)])


def test_only_bodies_over_the_threshold_are_compressed() -> None:
    codec = Codec([Person], compress_from_bytes=100)
    for length in range(200):
        entries = [("test-person", "p", Moved(place="a" * length))]
        body = codec.encode_body(entries)
        plain = encode(entries)
        assert (body[:4] == b"\x28\xb5\x2f\xfd") == (len(plain) >= 100)
        assert len(body) <= len(plain)
        assert codec.decode_body("s", commit_of(body)) == entries


def test_what_does_not_shrink_is_not_compressed() -> None:
    noise = "".join(chr(33 + (n * n * 7919 + n) % 94) for n in range(1100))
    entries = [("test-person", "p", Moved(place=noise))]
    codec = Codec([Person], compress_from_bytes=1)
    assert len(codec.encode_body(entries)) <= len(encode(entries))
    assert codec.decode_body("s", commit_of(codec.encode_body(entries))) == entries


def test_a_zstd_bomb_is_refused_without_unpacking_it() -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(200 * 1024 * 1024))
    assert len(bomb) < 50_000
    with pytest.raises(CorruptData, match="209,715,200 bytes"):
        CODEC.decode_body("s", commit_of(bomb))


def test_a_frame_that_hides_its_size_is_refused() -> None:
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(b"\x90" * 5000)
    with pytest.raises(CorruptData):
        CODEC.decode_body("s", commit_of(frame))


def test_no_more_is_written_than_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helenus.codec, "_DECOMPRESSED_BYTES_MAX", 10_000)
    largest = 10_000 - len(encode([("test-person", "p", Moved(place="a" * 300))])) + 300
    while len(encode([("test-person", "p", Moved(place="a" * largest))])) > 10_000:
        largest -= 1
    entries = [("test-person", "p", Moved(place="a" * largest))]
    assert CODEC.decode_body("s", commit_of(CODEC.encode_body(entries))) == entries
    with pytest.raises(LimitExceeded, match="10,001 bytes"):
        CODEC.encode_body([("test-person", "p", Moved(place="a" * (largest + 1)))])


def test_metadata_comes_back() -> None:
    meta = CommitMeta("c", b"\x00\xff", b"\x01", "actor/ž", "correlation", "causation")
    commit = commit_of(b"", meta=CODEC.encode_meta(meta))
    assert CODEC.decode_meta("s", commit.meta, 1) == meta
    assert CODEC.decode_meta("s", CODEC.encode_meta(CommitMeta()), 1) == CommitMeta()


def test_records_that_do_not_fit_together_are_named() -> None:
    body = CODEC.encode_body([("test-person", "p", Left())])
    good = commit_of(body, "test-left")
    [event] = CODEC.recorded("s", [good])
    assert (event.name, event.version, event.event) == ("test-left", 1, Left())
    for damage in (
        {"kinds": ()},
        {"kinds": ("test-left", "test-left")},
        {"kinds": ("test-left@x",)},
        {"last": 2},
        {"commit_id": b"short"},
        {"recorded_at_us": 2**62},
        {"meta": b"\xc1"},
        {"body": b"\xc1"},
    ):
        with pytest.raises(CorruptData):
            list(CODEC.recorded("s", [msgspec.structs.replace(good, **damage)]))


def test_recorded_events_before_one_that_cannot_be_read_are_given() -> None:
    good = commit_of(CODEC.encode_body([("test-person", "p", Left())]), "test-left")
    bad = msgspec.structs.replace(good, first=2, last=2, body=b"\xc1")
    events = CODEC.recorded("s", [good, bad])
    assert next(events).position == 1
    with pytest.raises(CorruptData, match="positions 2"):
        next(events)


def test_nesting_without_end_is_named() -> None:
    start = encode([("test-person", "p", {"$event": "test-moved@3"})])
    endless = start.replace(b"\x81\xa6$event", b"\x82\xa1z" + b"\x91" * 100_000 + b"\xc0\xa6$event")
    with pytest.raises(CorruptData):
        CODEC.decode_body("s", commit_of(endless))


GOOD = CODEC.encode_body(
    [("test-person", "p", Moved(place="somewhere", tags=["x"] * 9, at=datetime.now(UTC)))] * 3
)
SQUEEZED = zstandard.ZstdCompressor().compress(GOOD)


def reads_or_names_the_damage(body: bytes) -> None:
    with contextlib.suppress(CodecError):
        CODEC.decode_body("s", commit_of(body))


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_named_as_damage(body: bytes) -> None:
    reads_or_names_the_damage(body)
    reads_or_names_the_damage(b"\x28\xb5\x2f\xfd" + body)


@settings(max_examples=500)
@given(st.sampled_from([GOOD, SQUEEZED]), st.data())
def test_changed_bytes_are_read_or_named_as_damage(good: bytes, data: st.DataObject) -> None:
    body = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    reads_or_names_the_damage(bytes(body[: data.draw(st.integers(1, len(body)))]))


leaves = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=3)
)
values = st.recursive(
    leaves | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(leaves, inner, max_size=3),
    max_leaves=6,
)
tags = st.sampled_from(["test-moved", "test-moved@2", "test-moved@3", "test-left"]) | values


@settings(max_examples=200)
@given(tags, st.dictionaries(st.sampled_from(["place", "town", "city", "at", "tags"]), values))
def test_any_values_are_read_or_named_as_damage(tag: Any, fields: dict[str, Any]) -> None:
    reads_or_names_the_damage(encode([("test-person", "p", {"$event": tag} | fields)]))


@given(
    st.builds(
        Moved,
        place=st.text(),
        floor=st.integers(-(2**63), 2**63 - 1),
        price=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
        at=st.none() | st.datetimes(timezones=st.just(UTC)),
        tags=st.lists(st.text()),
    ),
    st.text(min_size=1),
)
def test_any_event_comes_back(event: Moved, aggregate_id: str) -> None:
    entries = [("test-person", aggregate_id, event)]
    for codec in (CODEC, Codec([Person], compress_from_bytes=1)):
        assert codec.decode_body("s", commit_of(codec.encode_body(entries))) == entries
