"""A sync: one command that records what many would, each item answered on its own.

The items of an answer are in the order in which they were decided, and so are the facts. So both
are walked side by side: an item that is done has the next part of what was recorded, any other has
none, but for an early end that is noted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime

from download_licensing.simulate.oracle import limits
from download_licensing.simulate.oracle.answers import ItemRefusal, Renewed, Synced, SyncedItem
from download_licensing.simulate.oracle.grants import differ, grant_against
from download_licensing.simulate.oracle.journal import Entry
from download_licensing.simulate.oracle.ledger import Ledger, LicenseKept
from download_licensing.simulate.oracle.records import (
    Deed,
    DeviceRegistered,
    DeviceRemoved,
    DownloadCounted,
    DownloadHeld,
    DownloadsEnded,
    LicenseCut,
    LicenseReleased,
    LicenseRenewed,
    PlayCounted,
    SessionReported,
    Told,
)
from download_licensing.simulate.oracle.terms import Terms
from download_licensing.simulate.oracle.withdrawals import Known, seen

SYNCING = {"sync", "renewals"}
"""Calls that are answered item by item."""


def settled_apart(deed: Deed) -> tuple[Deed, Deed]:
    """What a deed notes first, downloads that ended meanwhile, and what it does then."""
    number = 0
    while number < len(deed.told) and isinstance(deed.told[number].fact, DownloadsEnded):
        number += 1
    settled, rest = deed.told[:number], deed.told[number:]
    return (
        Deed(deed.command_id, deed.first, deed.last, settled),
        Deed(deed.command_id, deed.first, deed.last, rest),
    )


def parts_of(deed: Deed) -> list[Deed]:
    """What a deed did for each item, in order; itself, if it is no sync."""
    if any(isinstance(told.fact, DeviceRemoved | DownloadsEnded) for told in deed.told):
        return [deed]
    parts: list[list[Told]] = []
    for told in deed.told:
        if not parts or _begins(parts[-1], told):
            parts.append([])
        parts[-1].append(told)
    return [Deed(deed.command_id, deed.first, deed.last, part) for part in parts]


def _begins(part: Sequence[Told], told: Told) -> bool:
    """Whether a fact is the first of another item."""
    last = part[-1]
    if isinstance(last.fact, DeviceRegistered | DownloadCounted):
        return False  # what a grant or renewal records first
    if isinstance(last.fact, LicenseCut):
        return _license_of(told) != last.aggregate_id
    if isinstance(told.fact, LicenseCut | LicenseReleased | SessionReported):
        return True
    if isinstance(told.fact, PlayCounted):
        return not told.fact.session_id
    return isinstance(told.fact, DownloadHeld | DownloadCounted | DeviceRegistered)


def _license_of(told: Told) -> str:
    return str(getattr(told.fact, "license_id", told.aggregate_id))


class SyncWalk:
    """Walks the answered items of a sync beside the parts of what it recorded.

    Args:
        items: of the answer, in the order of their decisions.
        ledger: moves on with the parts.
        terms: that hold.
        at: the time of the decisions.
        known: what they may have known of withdrawals.
        position: of the last event before the parts.
    """

    def __init__(
        self,
        items: Sequence[SyncedItem],
        ledger: Ledger,
        terms: Terms,
        *,
        at: datetime,
        known: Known,
        position: int,
    ) -> None:
        self._items = deque(items)
        self._ledger = ledger
        self._terms = terms
        self._at = at
        self._known = known
        self._position = position
        self._found: list[str] = []

    def before(self, part: Deed) -> None:
        """Judge the items that come before a part, and had no effect."""
        while self._items and not self._made(self._items[0], part):
            self._judge(self._items.popleft(), done=False)

    def after(self, part: Deed) -> None:
        """Judge the item that a part was recorded for."""
        self._position += len(part.told)
        if not self._items:
            self._found.append(f"{part.told[0].name} for no item of the answer")
            return
        item = self._items.popleft()
        only_cut = all(isinstance(told.fact, LicenseCut) for told in part.told)
        self._judge(item, done=not only_cut)
        for told in part.told:
            if isinstance(told.fact, LicenseRenewed) and told.fact.item_id != item.item_id:
                self._found.append(f"item {item.item_id} is recorded as {told.fact.item_id}")

    def contradictions(self) -> list[str]:
        """All that speaks against the answer; what is left of its items had no effect."""
        while self._items:
            self._judge(self._items.popleft(), done=False)
        return self._found

    def _made(self, item: SyncedItem, part: Deed) -> bool:
        about = [told.fact for told in part.told if _license_of(told) == item.license_id]
        touched = any(isinstance(fact, LicenseCut) for fact in about)
        return bool(about) and (item.outcome == "done" or touched)

    def _judge(self, item: SyncedItem, *, done: bool) -> None:
        if done != (item.outcome == "done"):
            said = f"is {item.outcome}, {'' if done else 'not '}recorded"
            self._found.append(f"item {item.item_id} {said}")
        self._found += self._known.judge(
            lambda withdrawn: item_against(
                item,
                seen(self._ledger, withdrawn, self._at),
                self._terms,
                self._at,
                self._position,
            )
        )


def contradictions_of(walks: Sequence[SyncWalk]) -> list[str]:
    """What speaks against all answers to a command with an effect: one has to be right."""
    found = [walk.contradictions() for walk in walks]
    return [] if [] in found or not found else found[-1]


def item_against(
    item: SyncedItem, ledger: Ledger, terms: Terms, at: datetime, position: int
) -> Iterator[str]:
    """What speaks against the answer to one item on the state that it left, at its position."""
    kept = ledger.licenses.get(item.license_id)
    if kept is None:
        yield f"item {item.item_id} is about an unknown licence"
    elif item.refusal is None:
        said, expected = (item.state, item.effective_expires_at), (kept.state(at), kept.ends_at())
        if said != expected:
            yield f"item {item.item_id}: answered {said}, expected {expected}"
        yield from _granted(item, ledger, terms, at)
    elif item.kind != "renewal":
        yield f"item {item.item_id}: a {item.kind} was refused"
    else:
        why = _refused_for(kept, ledger, terms, at, position)
        for name in ItemRefusal.__struct_fields__:
            said_why, expected_why = getattr(item.refusal, name), getattr(why, name)
            yield from differ(f"item {item.item_id}, refusal, {name}", said_why, expected_why)


def _granted(item: SyncedItem, ledger: Ledger, terms: Terms, at: datetime) -> Iterator[str]:
    """A renewal comes with its grant, whose numbers are those after it; nothing else does."""
    if (item.grant is not None) != (item.kind == "renewal"):
        yield f"item {item.item_id}: a {item.kind} with grant {item.grant}"
    elif item.grant is not None and item.outcome == "done":
        for contradiction in grant_against(item.grant, ledger, terms, at):
            yield f"item {item.item_id}: {contradiction}"


def _refused_for(
    kept: LicenseKept, ledger: Ledger, terms: Terms, at: datetime, position: int
) -> ItemRefusal:
    """What a renewal is refused for; without a reason: it was not to be refused."""
    if kept.ended_at is not None:
        return ItemRefusal(f"license-{kept.state(at)}", [], "", None, 0)
    if kept.title_id in ledger.gone:
        return ItemRefusal("title-withdrawn", [], "", at, position)
    unmet = limits.unmet_by_renewal(ledger, terms, kept, at)
    reason = unmet[0].reason if unmet else ""
    return ItemRefusal(reason, unmet, terms.in_force(at).version, at, position)


def items_against(entry: Entry, body: Synced | Renewed) -> Iterator[str]:
    """An answer has the items that were asked for: each once, in bulk in their order."""
    asked = [(_KINDS.get(item.kind, item.kind), item.license_id) for item in entry.items]
    answered = [(item.kind, item.license_id) for item in body.items]
    if isinstance(body, Synced):
        ids, said = {item.item_id for item in entry.items}, [item.item_id for item in body.items]
        if len(said) != len(ids) or set(said) != ids or sorted(asked) != sorted(answered):
            yield f"items {sorted(ids)} were brought, {said} answered"
    elif asked != answered:
        yield f"renewals of {asked} were asked for, {answered} answered"


_KINDS = {"renew": "renewal"}
