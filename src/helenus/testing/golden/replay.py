"""Replays golden commits by today's code, and says what state follows from each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from helenus.aggregates import Aggregate
from helenus.codec import Codec
from helenus.snapshots import SnapshotCodec
from helenus.state import fold
from helenus.store import Commit
from helenus.testing.golden.files import State


def replay(stream: str, commits: Iterable[Commit], codec: Codec) -> Iterator[dict[str, State]]:
    """After each commit, the states of the aggregates it changed.

    Raises:
        HelenusError: an event cannot be read or applied; it is named with its position.
    """
    state = SnapshotCodec(codec, commands_max=1, horizon_us=1).new_state(stream)
    for commit in commits:
        keys = [(kind, one) for kind, one, _ in codec.decode_body(stream, commit)]
        fold(state, codec, [commit])
        yield {
            f"{kind}/{one}": _shown(state.aggregates.get((kind, one)))
            for kind, one in dict.fromkeys(keys)
        }


def _shown(aggregate: Aggregate | None) -> State:
    if aggregate is None:
        return None
    return {field: _plain(getattr(aggregate, field)) for field in aggregate.__struct_fields__}


def _plain(value: Any) -> Any:
    """As it comes back from a file: JSON values, sets and dictionaries in a fixed order."""
    ordered = msgspec.to_builtins(value, order="sorted", str_keys=True)
    return msgspec.json.decode(msgspec.json.encode(ordered))
