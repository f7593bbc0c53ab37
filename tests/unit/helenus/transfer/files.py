"""Stores to export from, and files to take apart."""

import random
import uuid
from collections.abc import Sequence
from pathlib import Path

import zstandard

from helenus.codec import checksum
from helenus.store import Commit, EventStore, Head
from helenus.transfer import SourceStore
from helenus.transfer.format import Line, encode_line


async def fill(store: EventStore, streams: int = 7, *, seed: int = 1) -> None:
    """Streams of various lengths, with bodies that do not compress, and one without a checksum."""
    chance = random.Random(seed)
    for number in range(streams):
        commits, position = [], 0
        for _ in range(1 + number * 3):
            events = chance.randint(1, 3)
            meta, body = chance.randbytes(9), chance.randbytes(chance.randint(0, 400))
            commits.append(
                Commit(
                    uuid.UUID(int=chance.getrandbits(128)).bytes,
                    position + 1,
                    position + events,
                    1_767_225_600_000_000 + position,
                    tuple(f"kind-{n}@1" for n in range(events)),
                    meta,
                    body,
                    checksum(meta, body) if number else None,
                )
            )
            position += events
        await store.append(f"kunde/{number}·ü", commits, Head(0))


def commit(position: int) -> Commit:
    """A commit of one event."""
    return Commit(uuid.uuid4().bytes, position, position, position, ("kind@1",), b"m", b"body")


async def contents(store: SourceStore) -> dict[str, list[Commit]]:
    """All that a store holds."""
    found: dict[str, list[Commit]] = {}
    async for page in store.streams():
        for stream in page.streams:
            found[stream] = [c async for read in store.read(stream) for c in read.commits]
    return found


def lines_of(path: Path) -> list[bytes]:
    """The lines of a file, decompressed."""
    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return reader.read().splitlines(keepends=True)


def write(path: Path, lines: Sequence[bytes | Line]) -> Path:
    """A file of these lines, in one frame."""
    encoded = b"".join(line if isinstance(line, bytes) else encode_line(line) for line in lines)
    path.write_bytes(zstandard.ZstdCompressor().compress(encoded))
    return path
