"""Syncing: all that a device did while it was offline, in one command, each item answered.

One unit of work decides the items one after another and commits what they record at once. Releases
come first, because they free what renewals need; then reports, in the order in which things
happened; then renewals, which so are decided on all that is known.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from download_licensing.domain.account import Account
from download_licensing.domain.license import License
from download_licensing.domain.refusals import DeviceNotFound, LicenseElsewhere, Refusal
from download_licensing.domain.reporting import IN_STEP, report_first_play, report_session
from download_licensing.domain.sessions import SessionEvent
from download_licensing.domain.times import utc
from download_licensing.service import answers, present
from download_licensing.service.commands import (
    SYNC_ITEMS_MAX,
    RenewLicenses,
    Sync,
    SyncedPlay,
    SyncedRelease,
    SyncedRenewal,
    SyncedSession,
    SyncItem,
)
from download_licensing.service.downloads import Downloads
from download_licensing.service.reports import Reports, ahead_of
from helenus.errors import InvalidArgument
from helenus.service import CommandContext, handles
from helenus.unit_of_work import UnitOfWork

Decided = tuple[answers.ItemOutcome, answers.Grant | None]


class _Visit(msgspec.Struct, frozen=True):
    """What all items of one command share.

    Attributes:
        unit: that they are decided in.
        account: the customer's, with what ended meanwhile recorded as ended.
        customer_id: whose they are.
        at: the time of the decisions.
        device_id: of the device that brings them; None: they may be of any.
        ahead: by how much its clock is ahead of ours.
    """

    unit: UnitOfWork
    account: Account
    customer_id: str
    at: datetime
    device_id: str | None = None
    ahead: timedelta = IN_STEP


class Syncing(Downloads, Reports):
    """The commands that carry out many things at once."""

    @handles
    def sync(self, unit: UnitOfWork, command: Sync, context: CommandContext) -> answers.Synced:
        """Carry out all that a device brings; what one item is refused for holds up no other.

        Raises:
            DeviceNotFound: the account never had such a device.
            helenus.InvalidArgument: there are too many items, or an item's id occurs twice.
        """
        items = _in_order(command)
        _require_sound([item.item_id for item in items])
        at = utc(context.at, "at")
        account = self._settled(unit, command.customer_id, at)
        if command.device_id not in account.devices:
            raise DeviceNotFound(command.device_id)
        ahead = ahead_of(at, command.sent_at)
        visit = _Visit(unit, account, command.customer_id, at, command.device_id, ahead)
        return answers.Synced(
            customer_id=command.customer_id,
            device_id=command.device_id,
            items=tuple([self._answer(visit, item) for item in items]),
        )

    @handles
    def renew_many(
        self, unit: UnitOfWork, command: RenewLicenses, context: CommandContext
    ) -> answers.Renewed:
        """Renew licences one after another; what one is refused for holds up no other.

        Raises:
            helenus.InvalidArgument: there are too many licences, or one is named twice.
        """
        _require_sound(command.license_ids)
        at = utc(context.at, "at")
        account = self._settled(unit, command.customer_id, at)
        item_id = _item_id(context.command_id)
        visit = _Visit(unit, account, command.customer_id, at)
        items = [SyncedRenewal(item_id=item_id, license_id=each) for each in command.license_ids]
        return answers.Renewed(
            customer_id=command.customer_id,
            items=tuple([self._answer(visit, item) for item in items]),
        )

    def _answer(self, visit: _Visit, item: SyncItem) -> answers.SyncedItem:
        try:
            license = self._license(visit.unit, visit.account, item.license_id, visit.at)
            if visit.device_id is not None and license.device_id != visit.device_id:
                raise LicenseElsewhere(item.license_id, visit.device_id)
            outcome, grant = self._decide(visit, item, license)
        except Refusal as refusal:
            position = visit.unit.view().position + len(visit.unit.entries)
            return present.refused_item(
                item.kind, item.item_id, item.license_id, refusal, at=visit.at, position=position
            )
        return present.item(item.kind, item.item_id, license, outcome, grant, at=visit.at)

    def _decide(self, visit: _Visit, item: SyncItem, license: License) -> Decided:
        match item:
            case SyncedRelease():
                return self._decide_release(visit, item, license), None
            case SyncedPlay():
                return _decide_play(visit, item, license), None
            case SyncedSession():
                return _decide_session(visit, item.session_id, _told(item), license), None
            case SyncedRenewal():
                return self._decide_renewal(visit, item, license)

    def _decide_release(
        self, visit: _Visit, item: SyncedRelease, license: License
    ) -> answers.ItemOutcome:
        repeated = license.ended_at is not None
        self._release(visit.unit, license, item.released_at, visit.at)
        return "repeated" if repeated else "done"

    def _decide_renewal(self, visit: _Visit, item: SyncedRenewal, license: License) -> Decided:
        repeated = item.item_id in license.renewal_items
        grant = self._renew(visit.unit, visit.customer_id, license, visit.at, item_id=item.item_id)
        return "repeated" if repeated else "done", grant


def _decide_play(visit: _Visit, item: SyncedPlay, license: License) -> answers.ItemOutcome:
    told = utc(item.played_at, f"The time of item {item.item_id!r}")
    if item.session_id is not None:
        start = [SessionEvent(kind="start", at=told)]
        return _decide_session(visit, item.session_id, start, license)
    repeated = license.ended_at is not None or license.first_played_at is not None
    report_first_play(visit.unit, license, told, at=visit.at, ahead=visit.ahead)
    return "repeated" if repeated else "done"


def _told(item: SyncedSession) -> list[SessionEvent]:
    field = f"A time of item {item.item_id!r}"
    return [SessionEvent(kind=event.kind, at=utc(event.at, field)) for event in item.events]


def _decide_session(
    visit: _Visit, session_id: str, events: list[SessionEvent], license: License
) -> answers.ItemOutcome:
    before = license.sessions.get(session_id)
    session = report_session(
        visit.unit, license, session_id, events, at=visit.at, ahead=visit.ahead
    )
    if session is None:
        return "too-old"
    return "repeated" if session == before else "done"


def _in_order(command: Sync) -> list[SyncItem]:
    """The items in the order of their decisions."""
    reports: list[SyncedPlay | SyncedSession] = [*command.plays, *command.sessions]
    return [*command.releases, *sorted(reports, key=_happened_at), *command.renewals]


def _happened_at(report: SyncedPlay | SyncedSession) -> datetime:
    """When a report began to happen, by the clock of the device, which is one for all of them."""
    if isinstance(report, SyncedPlay):
        return report.played_at
    return min(event.at for event in report.events)


def _require_sound(ids: Iterable[str]) -> None:
    times = Counter(ids)
    if times.total() > SYNC_ITEMS_MAX:
        raise InvalidArgument(
            f"There are {times.total()} items; one request takes {SYNC_ITEMS_MAX}.",
            remedy="Send the others in further requests.",
        )
    for item_id, number in times.items():
        if number > 1:
            raise InvalidArgument(
                f"The item {item_id!r} occurs {number} times.",
                remedy="Give each item an id of its own, and keep it when the item is repeated.",
            )


def _item_id(command_id: str | None) -> str:
    """The item id of all renewals of a command, by which a repetition of it is known."""
    if command_id is None:
        return ""
    return f"key-{hashlib.blake2b(command_id.encode(), digest_size=12).hexdigest()}"
