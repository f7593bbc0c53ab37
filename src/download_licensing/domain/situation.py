"""The situation a request is decided in: what the rules look at."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, TypeVar

import msgspec

from download_licensing.domain.account import Account
from download_licensing.domain.device import Device
from download_licensing.domain.downloaded_title import DownloadedTitle
from download_licensing.domain.license import License
from helenus.aggregates import Aggregate

A = TypeVar("A", bound=Aggregate)


class Aggregates(Protocol):
    """Hands out the aggregates of one customer: a unit of work, or the view of a stream."""

    def get(self, aggregate_type: type[A], aggregate_id: str) -> A:
        """The aggregate; empty if it never had an event."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """The use so far, as of the time of the decision.

    Attributes:
        now: the time of the decision.
        other_devices_until: for each other device with an active licence, when it loses its last
            one, in comparable form.
        holds_slot: whether the device has an active licence itself.
        others_on_device: when each active licence on the device expires, in comparable form; a
            licence that is being renewed is left out.
        counted: when the title was downloaded within the rolling year, oldest first.
        renewals_used: of the licence that is being renewed.
        renewals_max: of that licence, as it was issued; None: no cap.
    """

    now: datetime
    other_devices_until: list[datetime]
    holds_slot: bool
    others_on_device: list[datetime]
    counted: list[datetime]
    renewals_used: int
    renewals_max: int | None = None

    @property
    def devices_in_use(self) -> int:
        """Devices that have an active licence."""
        return len(self.other_devices_until) + self.holds_slot


def survey(
    aggregates: Aggregates,
    account: Account,
    *,
    device_id: str,
    title_id: str,
    at: datetime,
    renewed: License | None = None,
) -> Situation:
    """Gather what the rules look at.

    Args:
        aggregates: of the customer.
        account: of the customer.
        device_id: the device that a download is asked for.
        title_id: the title that a download is asked for.
        at: when the decision is asked for. It is made as of this time, unless that lies over a
            month before other decisions of the customer, so that the state no longer tells; then
            it is made as of the earliest time for which it does.
        renewed: the licence that is being renewed.
    """
    title = aggregates.get(DownloadedTitle, title_id)
    device = aggregates.get(Device, device_id)
    others = [aggregates.get(Device, other) for other in account.present() if other != device_id]
    now = at
    horizons = (account.horizon, title.horizon, device.horizon, *[each.horizon for each in others])
    for horizon in horizons:
        if horizon is not None and horizon > now:
            now = horizon
    others_on_device = device.active_ends(now, without=renewed.id if renewed else None)
    return Situation(
        now=now,
        other_devices_until=[max(ends) for other in others if (ends := other.active_ends(now))],
        holds_slot=bool(others_on_device) or (renewed is not None and renewed.active(now)),
        others_on_device=others_on_device,
        counted=title.in_year_before(now),
        renewals_used=0 if renewed is None else renewed.renewals_used,
        renewals_max=None if renewed is None else renewed.renewals_max,
    )
