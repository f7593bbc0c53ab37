"""Commands of repositories under faults: what clients do, and what cannot be true of it.

Every command notes an item on its stream, and is answered with how many there are then and a digest
of all of them in order. So an answer tells the whole list at that moment, and the list that is
there in the end tells whether it was ever true: Elle's list-append, with a constant state.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import msgspec

from helenus import Aggregate, AggregateRepository, DomainError, Event, UnitOfWork, applies
from helenus.errors import HelenusError, Outcome
from helenus.testing.histories import Verdict

REPEATS = 3
BREATH_S = 0.05


class ItemNoted(Event, name="torture-item-noted"):
    """An item was added to the list."""

    item: str


class Notes(Aggregate, name="torture-notes"):
    """A list, of which the length and a digest are kept."""

    count: int = 0
    digest: str = ""

    @applies
    def noted(self, event: ItemNoted) -> None:
        self.count += 1
        self.digest = digest(self.digest, event.item)


class Shown(msgspec.Struct, frozen=True):
    """A list, as an answer tells it: its length and its digest."""

    count: int
    digest: str


class TooMany(DomainError):
    """The list is longer than the command takes for possible: a refusal that tells the list."""

    def __init__(self, shown: Shown) -> None:
        super().__init__(str(shown))
        self.shown = shown


class CommandSeen(msgspec.Struct, kw_only=True):
    """A command, or a look at the list, and its answer.

    Attributes:
        stream: its stream.
        items: what it was to add, in order; none: it was to look, or to be refused.
        began: when it began.
        ended: when it had its last answer.
        verdict: of all attempts together; `REFUSED` where none may have taken effect.
        shown: the list that the answer told.
    """

    stream: str
    items: list[str]
    began: int
    ended: int = 0
    verdict: Verdict = Verdict.UNKNOWN
    shown: Shown | None = None


def digest(before: str, item: str) -> str:
    """The digest of a list with one more item."""
    return hashlib.blake2b((before + item).encode(), digest_size=8).hexdigest()


class Commander:
    """Sends one command after another through one of the repositories of a process."""

    def __init__(
        self,
        repositories: Sequence[AggregateRepository],
        seen: list[CommandSeen],
        failed: Callable[[HelenusError], None],
        chance: random.Random,
    ) -> None:
        self._repositories = repositories
        self._seen = seen
        self._failed = failed
        self._chance = chance

    async def step(self, stream: str) -> None:
        """Do one thing."""
        choice = self._chance.random()
        if choice < 0.85:
            await self._note(stream)
        elif choice < 0.90:
            await self._note(stream, twice=True)
        elif choice < 0.95:
            await self._look(stream, self._refused)
        else:
            await self._look(stream, self._loaded)

    async def _note(self, stream: str, *, twice: bool = False) -> None:
        items = [uuid.uuid4().hex for _ in range(self._chance.choice((1, 1, 1, 2, 5)))]
        seen = CommandSeen(stream=stream, items=items, began=time.monotonic_ns())
        self._seen.append(seen)
        # A repetition goes through a repository that knows nothing of the first attempt.
        repositories = self._chance.sample(self._repositories, len(self._repositories))
        if twice:
            pair = (self._attempt(seen, repository) for repository in repositories[:2])
            outcomes = await asyncio.gather(*pair)
        else:
            outcomes = [await self._attempt(seen, repositories[0])]
        for _ in range(REPEATS):
            if seen.shown is not None or Outcome.MAY_HAVE_HAPPENED not in outcomes:
                break
            await asyncio.sleep(BREATH_S)
            outcomes.append(await self._attempt(seen, self._chance.choice(repositories)))
        seen.ended = time.monotonic_ns()
        if seen.shown is not None:
            seen.verdict = Verdict.ACKNOWLEDGED
        elif Outcome.MAY_HAVE_HAPPENED not in outcomes:
            seen.verdict = Verdict.REFUSED

    async def _attempt(self, seen: CommandSeen, repository: AggregateRepository) -> Outcome | None:
        items = seen.items

        def decide(unit: UnitOfWork) -> Shown:
            notes = unit.get(Notes, "notes")
            for item in items:
                notes.record(ItemNoted(item=item))
            return Shown(notes.count, notes.digest)

        try:
            shown = await repository.transact(
                seen.stream, decide, command_id=items[0], returns=Shown
            )
        except HelenusError as error:
            self._failed(error)
            if error.outcome is Outcome.DID_NOT_HAPPEN:
                await asyncio.sleep(BREATH_S)
            return error.outcome
        if seen.shown not in (None, shown):
            raise AssertionError(f"{seen.stream}: one command, two answers: {seen.shown}, {shown}.")
        seen.shown = shown
        return None

    async def _look(
        self, stream: str, look: Callable[[str, AggregateRepository], Awaitable[Shown]]
    ) -> None:
        seen = CommandSeen(stream=stream, items=[], began=time.monotonic_ns())
        try:
            seen.shown = await look(stream, self._chance.choice(self._repositories))
        except HelenusError as error:
            self._failed(error)
            await asyncio.sleep(BREATH_S)
            return
        seen.ended = time.monotonic_ns()
        seen.verdict = Verdict.ACKNOWLEDGED
        self._seen.append(seen)

    async def _loaded(self, stream: str, repository: AggregateRepository) -> Shown:
        notes = (await repository.load(stream)).get(Notes, "notes")
        return Shown(notes.count, notes.digest)

    async def _refused(self, stream: str, repository: AggregateRepository) -> Shown:
        def decide(unit: UnitOfWork) -> None:
            notes = unit.get(Notes, "notes")
            raise TooMany(Shown(notes.count, notes.digest))

        try:
            await repository.transact(stream, decide)
        except TooMany as refusal:
            return refusal.shown
        raise AssertionError("It is always refused.")


def violations(seen: Iterable[CommandSeen], final: Mapping[str, Sequence[str]]) -> list[str]:
    """What cannot be true of commands that took effect once each, in an order that time allows.

    Args:
        seen: all commands, of all processes, with times of one clock.
        final: the items of every stream in the end.
    """
    by_stream: defaultdict[str, list[CommandSeen]] = defaultdict(list)
    for each in seen:
        by_stream[each.stream].append(each)
    return [
        f"Stream {stream!r}: {found}"
        for stream in final.keys() | by_stream.keys()
        for found in _of_stream(by_stream[stream], final.get(stream, ()))
    ]


def _of_stream(seen: Sequence[CommandSeen], final: Sequence[str]) -> Iterable[str]:
    digests = [""]
    for item in final:
        digests.append(digest(digests[-1], item))
    index = {item: number for number, item in enumerate(final)}
    known = {item for each in seen for item in each.items}
    starts: list[tuple[CommandSeen, int]] = []
    yield from (f"item {item} was noted twice." for item, n in Counter(final).items() if n > 1)
    yield from (f"item {item} came from nowhere." for item in index.keys() - known)
    points: list[tuple[CommandSeen, int]] = []
    for each in seen:
        there = [index[item] for item in each.items if item in index]
        if each.verdict is Verdict.REFUSED and there:
            yield f"a command that did not happen is there, at {there}."
        if there and there != list(range(there[0], there[0] + len(each.items))):
            yield f"a command of {len(each.items)} items is there in part or in pieces: {there}."
        if there:
            starts.append((each, there[0]))
        if each.shown is None:
            continue
        count = each.shown.count
        if each.items and (not there or there[-1] != count - 1):
            yield f"a command was told that it is at {count}, and is at {there}."
        if count >= len(digests) or digests[count] != each.shown.digest:
            yield f"a list of {count} items was shown that never was."
        points.append((each, count))
    yield from _of_time(points, [*starts, *(p for p in points if not p[0].items)])


def _of_time(
    shown: Sequence[tuple[CommandSeen, int]], starts: Sequence[tuple[CommandSeen, int]]
) -> Iterable[str]:
    """Whatever began after an answer comes after all that the answer showed.

    Args:
        shown: how many items each answer showed.
        starts: how many items precede each command's own, or were shown where it has none.
    """
    by_end = sorted(shown, key=lambda point: point[0].ended)
    ended, most = 0, 0
    for each, count in sorted(starts, key=lambda point: point[0].began):
        while ended < len(by_end) and by_end[ended][0].ended < each.began:
            most = max(most, by_end[ended][1])
            ended += 1
        if count < most:
            yield f"what began after {most} items had been shown comes after {count}."
