"""What a process remembers of streams, to look in the right place at once. All of it may be old."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from helenus.stores.cassandra.buckets import Place


class _Hint(msgspec.Struct, gc=False):
    bucket: int = 0
    place: Place | None = None


class Hints:
    """The streams met last.

    Args:
        streams_max: how many.
    """

    def __init__(self, streams_max: int) -> None:
        self._streams_max = streams_max
        self._hints: OrderedDict[str, _Hint] = OrderedDict()

    def __len__(self) -> int:
        return len(self._hints)

    def bucket(self, stream: str) -> int:
        """The number of a stream's open bucket; of its first, if it is not known."""
        hint = self._hints.get(stream)
        return 0 if hint is None else hint.bucket

    def place(self, stream: str) -> Place | None:
        """Where a stream goes on behind its snapshot; None if it is not known."""
        hint = self._hints.get(stream)
        return None if hint is None else hint.place

    def ends_in(self, stream: str, bucket: int) -> None:
        """Remember which bucket of a stream is open."""
        self._of(stream).bucket = bucket

    def goes_on_at(self, stream: str, place: Place | None) -> None:
        """Remember where a stream goes on behind its snapshot; None: it has none."""
        self._of(stream).place = place

    def _of(self, stream: str) -> _Hint:
        hint = self._hints.setdefault(stream, _Hint())
        self._hints.move_to_end(stream)
        if len(self._hints) > self._streams_max:
            self._hints.popitem(last=False)
        return hint
