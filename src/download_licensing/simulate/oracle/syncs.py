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
from download_licensing.simulate.oracle.answers import SyncedItem
from download_licensing.simulate.oracle.ledger import Ledger
from download_licensing.simulate.oracle.records import (
    Deed,
    DeviceRegistered,
    DeviceRemoved,
    DownloadCounted,
    DownloadHeld,
    DownloadsEnded,
    LicenseCut,
    LicenseReleased,
    PlayCounted,
    SessionReported,
    Told,
)
from download_licensing.simulate.oracle.terms import Terms


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
    """

    def __init__(
        self, items: Sequence[SyncedItem], ledger: Ledger, terms: Terms, at: datetime
    ) -> None:
        self._items = deque(items)
        self._ledger = ledger
        self._terms = terms
        self._at = at

    def before(self, part: Deed) -> Iterator[str]:
        """Judge the items that come before a part, and had no effect."""
        while self._items and not self._made(self._items[0], part):
            yield from self._judge(self._items.popleft(), done=False)

    def after(self, part: Deed) -> Iterator[str]:
        """Judge the item that a part was recorded for."""
        if self._items:
            only_cut = all(isinstance(told.fact, LicenseCut) for told in part.told)
            yield from self._judge(self._items.popleft(), done=not only_cut)
        else:
            yield f"{part.told[0].name} for no item of the answer"

    def rest(self) -> Iterator[str]:
        """Judge what is left: none of it had an effect."""
        while self._items:
            yield from self._judge(self._items.popleft(), done=False)

    def _made(self, item: SyncedItem, part: Deed) -> bool:
        kept = self._ledger.licenses.get(item.license_id)
        touched = kept is not None and not kept.cut_noted
        return (item.outcome == "done" or touched) and any(
            _license_of(told) == item.license_id for told in part.told
        )

    def _judge(self, item: SyncedItem, *, done: bool) -> Iterator[str]:
        if done != (item.outcome == "done"):
            yield f"item {item.item_id} is {item.outcome}, {'' if done else 'not '}recorded"
        yield from item_against(item, self._ledger, self._terms, self._at)


def item_against(item: SyncedItem, ledger: Ledger, terms: Terms, at: datetime) -> Iterator[str]:
    """What speaks against the answer to one item on the state that it left."""
    kept = ledger.licenses.get(item.license_id)
    if kept is None:
        yield f"item {item.item_id} is about an unknown licence"
    elif item.refusal is None:
        said, expected = (item.state, item.effective_expires_at), (kept.state(at), kept.ends_at())
        if said != expected:
            yield f"item {item.item_id}: answered {said}, expected {expected}"
    elif item.refusal.unmet:
        unmet = limits.unmet_by_renewal(ledger, terms, kept, at)
        if item.refusal.unmet != unmet or kept.ended_at is not None:
            yield f"item {item.item_id}: refused for {item.refusal.unmet}, expected {unmet}"
    elif item.refusal.reason != f"license-{kept.state(at)}" or kept.ended_at is None:
        yield f"item {item.item_id}: refused for {item.refusal.reason}; it is {kept.state(at)}"
