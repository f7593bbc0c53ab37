"""Cuts: downloads that end before their time, because a title or a customer left.

A withdrawal of a title is recorded once, on a stream of titles, and holds for all customers from
that moment. No customer's stream is rewritten for it: whenever one is decided on, what it holds of
the title is ended first, in the same commit, as of the moment of the withdrawal; whenever one is
read, the answer is as if that had been done. A cancellation ends all of a customer's downloads in
the same way.

What a device was told to have ended has ended for good, also for a process that has not heard of
the withdrawal, or has heard already that the title is back: else one would count a download that
another does not.

What was cut stays ended when the title or the customer comes back: the place that it held may be
taken by then. It can be renewed, as what has expired can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar, cast

from download_licensing.domain.account import Account
from download_licensing.domain.device import Device
from download_licensing.domain.events import CutReason, DownloadsEnded, LicenseCut
from download_licensing.domain.license import License
from download_licensing.domain.situation import Aggregates
from download_licensing.domain.spans import Span
from download_licensing.domain.times import lasts
from helenus.aggregates import Aggregate

A = TypeVar("A", bound=Aggregate)

Withdrawn = Mapping[str, Sequence[Span]]
"""When titles were withdrawn, by id, each oldest first."""


def cut_at(spans: Iterable[Span], extended_at: datetime, at: datetime) -> datetime | None:
    """When a download ended because it held within a span in which there must be none.

    Args:
        spans: in which there must be none, oldest first.
        extended_at: when the download was granted or last renewed; it may have been within a span,
            by a process that had not heard of it yet: then it ended at once.
        at: the time asked about; spans that begin later have not happened yet.

    Returns:
        None: it is not cut.
    """
    for span in spans:
        if span.since > at:
            break
        if lasts(span.until, extended_at):
            return max(span.since, extended_at)
    return None


class Cuts:
    """All that cuts one customer's downloads, as of a time.

    Args:
        account: of the customer.
        withdrawn: the titles that were withdrawn.
        at: the time of the decision or of the question.
    """

    def __init__(self, account: Account, withdrawn: Withdrawn, at: datetime) -> None:
        self._account = account
        self._withdrawn = withdrawn
        self._at = at
        self._any = bool(withdrawn or account.cancellations)

    def settle(self, aggregates: Aggregates) -> None:
        """Record what ended on the customer's devices, in a unit of work."""
        if self._any:
            for device_id in self._account.present():
                device = aggregates.get(Device, device_id)
                if ended := self._of_device(device):
                    device.record(ended)

    def settle_license(self, aggregates: Aggregates, license: License) -> None:
        """Record that a licence ended, if it did, in a unit of work that was settled before."""
        if cut := self._of_license(license, aggregates.get(Device, license.device_id)):
            license.record(cut)

    def seen(self, aggregates: Aggregates) -> Aggregates:
        """The aggregates as if all that is cut had been recorded; they themselves stay as they are.

        What is not cut is handed out as it is found.
        """
        return _Seen(aggregates, self)

    def seen_device(self, device: Device) -> Device:
        """A device as if what ended on it had been recorded; itself, if nothing did."""
        ended = self._of_device(device) if self._any else None
        return device if ended is None else _after(device, ended)

    def seen_license(self, license: License, device: Device) -> License:
        """A licence as if its early end had been recorded; itself, if it had none.

        Args:
            license: the licence.
            device: that it is on.
        """
        cut = self._of_license(license, device)
        return license if cut is None else _after(license, cut)

    def _of_device(self, device: Device) -> DownloadsEnded | None:
        ends = {}
        for license_id, held in device.held.items():
            end, _ = self._end(held.title_id, held.since)
            if end is not None and lasts(held.expires_at, end):
                ends[license_id] = end
        return DownloadsEnded(ends=ends, at=self._at) if ends else None

    def _of_license(self, license: License, device: Device) -> LicenseCut | None:
        if license.extended_at is None or license.ended_at is not None:
            return None
        end, reason = self._end(license.title_id, license.extended_at)
        told = device.ended.get(license.id)
        if told is not None and told != end:
            end, reason = told, self._reason_of(told, license.extended_at)
        if end is None or not lasts(license.effective_expires_at, end):
            return None
        return LicenseCut(reason=reason, ends_at=end, at=self._at)

    def _reason_of(self, end: datetime, extended_at: datetime) -> CutReason:
        """Why a device was told of an early end that nothing known here explains but this."""
        cancelled = cut_at(self._account.cancellations, extended_at, self._at)
        return "account-cancelled" if end == cancelled else "title-withdrawn"

    def _end(self, title_id: str, extended_at: datetime) -> tuple[datetime | None, CutReason]:
        withdrawn = cut_at(self._withdrawn.get(title_id, ()), extended_at, self._at)
        cancelled = cut_at(self._account.cancellations, extended_at, self._at)
        if cancelled is not None and (withdrawn is None or cancelled < withdrawn):
            return cancelled, "account-cancelled"
        return withdrawn, "title-withdrawn"


class _Seen:
    def __init__(self, aggregates: Aggregates, cuts: Cuts) -> None:
        self._aggregates = aggregates
        self._cuts = cuts

    def get(self, aggregate_type: type[A], aggregate_id: str) -> A:
        found: Aggregate = self._aggregates.get(aggregate_type, aggregate_id)
        if isinstance(found, Device):
            found = self._cuts.seen_device(found)
        elif isinstance(found, License) and found.issued_at is not None:
            found = self._cuts.seen_license(found, self.get(Device, found.device_id))
        return cast(A, found)


def _after(aggregate: A, event: DownloadsEnded | LicenseCut) -> A:
    """A copy of an aggregate as an event leaves it."""
    copy = aggregate.clone()
    copy.apply(event)
    return copy
