"""The situation a request is decided in: what the rules look at."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Set
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import msgspec

from download_licensing.domain.account import Account
from download_licensing.domain.device import Device
from download_licensing.domain.downloaded_title import DownloadedTitle
from download_licensing.domain.events import Standing
from download_licensing.domain.license import License
from download_licensing.domain.terms import Title
from download_licensing.domain.times import NEVER, YEAR, month_of
from helenus.aggregates import Aggregate

A = TypeVar("A", bound=Aggregate)


class Aggregates(Protocol):
    """Hands out the aggregates of one customer: a unit of work, or the view of a stream."""

    def get(self, aggregate_type: type[A], aggregate_id: str) -> A:
        """The aggregate; empty if it never had an event."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """The use so far, as of the time of the decision. Plain numbers: nothing in it is still to do.

    Attributes:
        now: the time of the decision.
        standing: of the account.
        blocked: the reason of an operator who blocks the account; "": it is not blocked.
        registered: whether the account has the device.
        registrations: when devices were added to the account, oldest first; a year back.
        other_devices_until: for each other device with an active licence, when it loses its last
            one, in comparable form.
        holds_slot: whether the device has an active licence itself.
        others_on_device: when each active licence on the device expires, in comparable form; a
            licence that is being renewed is left out.
        downloads_in_month: that the device had in the calendar month.
        month_ends_at: the first moment of the next month, in the account's time zone.
        time_zone: the account's.
        counted: when the title was downloaded within the rolling year, oldest first.
        plays: when downloads of the title were played within the rolling year, oldest first.
        agreement: that the title is under; "": none.
        others_under_agreement: when each active licence for a title under the agreement expires, on
            any device, in comparable form; a licence that is being renewed is left out.
        renewals_used: of the licence that is being renewed.
        renewals_max: of that licence, as it was issued; None: no cap.
        renewed: when that licence was renewed within the rolling year, oldest first.
    """

    now: datetime
    standing: Standing = "good"
    blocked: str = ""
    registered: bool = False
    registrations: list[datetime] = msgspec.field(default_factory=list)
    other_devices_until: list[datetime]
    holds_slot: bool
    others_on_device: list[datetime]
    downloads_in_month: int = 0
    month_ends_at: datetime = NEVER
    time_zone: str = "UTC"
    counted: list[datetime]
    plays: list[datetime] = msgspec.field(default_factory=list)
    agreement: str = ""
    others_under_agreement: list[datetime] = msgspec.field(default_factory=list)
    renewals_used: int
    renewals_max: int | None = None
    renewed: list[datetime] = msgspec.field(default_factory=list)

    @property
    def devices_in_use(self) -> int:
        """Devices that have an active licence."""
        return len(self.other_devices_until) + self.holds_slot

    def next(self, *, downloads: int, renewals: int) -> Situation:
        """What the next request finds, which may come from a device that is not registered yet.

        Active licences stay as they were: only what is counted over time goes on.

        Args:
            downloads: that the decision counted.
            renewals: that the decision counted.
        """
        now = self.now
        added = bool(downloads) and not self.registered
        return msgspec.structs.replace(
            self,
            registered=False,
            registrations=[*self.registrations, *[now] * added],
            downloads_in_month=self.downloads_in_month + downloads,
            counted=[*self.counted, *[now] * downloads],
            renewals_used=self.renewals_used + renewals,
            renewed=[*self.renewed, *[now] * renewals],
        )

    def registered_within(self, window: timedelta) -> list[datetime]:
        """The registrations less than a window old, oldest first. A window is at most a year."""
        return self.registrations[bisect_right(self.registrations, self.now - window) :]


def survey(
    aggregates: Aggregates,
    account: Account,
    *,
    device_id: str,
    title: Title,
    alongside: Set[str],
    at: datetime,
    renewed: License | None = None,
) -> Situation:
    """Gather what the rules look at.

    Args:
        aggregates: of the customer.
        account: of the customer.
        device_id: the device that a download is asked for.
        title: that a download is asked for.
        alongside: the ids of all titles under the same agreement.
        at: when the decision is asked for. It is made as of this time, unless that lies over a
            month before other decisions of the customer, so that the state no longer tells; then
            it is made as of the earliest time for which it does.
        renewed: the licence that is being renewed.
    """
    downloaded = aggregates.get(DownloadedTitle, title.title_id)
    device = aggregates.get(Device, device_id)
    others = [aggregates.get(Device, other) for other in account.present() if other != device_id]
    devices = [device, *others]
    now = _as_of(at, (account.horizon, downloaded.horizon, *[each.horizon for each in devices]))
    without = None if renewed is None else renewed.id
    others_on_device = device.active_ends(now, without=without)
    month_starts_at, month_ends_at = month_of(now, account.time_zone)
    return Situation(
        now=now,
        standing=account.standing,
        blocked=account.blocked,
        registered=account.has(device_id),
        registrations=account.registered_within(YEAR, now),
        other_devices_until=[end for each in others if (end := each.active_until(now)) is not None],
        holds_slot=bool(others_on_device) or (renewed is not None and renewed.active(now)),
        others_on_device=others_on_device,
        downloads_in_month=device.downloads_between(month_starts_at, month_ends_at),
        month_ends_at=month_ends_at,
        time_zone=account.time_zone,
        counted=downloaded.in_year_before(now),
        plays=downloaded.plays_in_year_before(now),
        agreement=title.agreement,
        others_under_agreement=[
            end for each in devices for end in each.active_ends_of(alongside, now, without=without)
        ]
        if title.agreement
        else [],
        renewals_used=0 if renewed is None else renewed.renewals_used,
        renewals_max=None if renewed is None else renewed.renewals_max,
        renewed=[] if renewed is None else renewed.renewed_in_year_before(now),
    )


def _as_of(at: datetime, horizons: Iterable[datetime | None]) -> datetime:
    return max([at, *[horizon for horizon in horizons if horizon is not None]])
