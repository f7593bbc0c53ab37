"""What is seen of a customer whose downloads ended early, and what is left as it was."""

from datetime import UTC, datetime, timedelta
from typing import TypeVar

from download_licensing.domain.account import Account
from download_licensing.domain.cuts import Cuts
from download_licensing.domain.device import Device
from download_licensing.domain.events import DeviceRegistered, DownloadHeld, LicenseIssued
from download_licensing.domain.license import License
from download_licensing.domain.spans import Span
from helenus.aggregates import Aggregate

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
A = TypeVar("A", bound=Aggregate)


class Kept:
    """Hands out the aggregates themselves, as whoever folds events does."""

    def __init__(self, *aggregates: Aggregate) -> None:
        self._aggregates = {(type(one), one.id): one for one in aggregates}

    def get(self, aggregate_type: type[A], aggregate_id: str) -> A:
        found = self._aggregates.get((aggregate_type, aggregate_id))
        if found is None:
            return aggregate_type.empty(aggregate_id)
        assert isinstance(found, aggregate_type)
        return found


def customer() -> tuple[Account, Device, License]:
    account, device = Account.empty("account"), Device.empty("tv")
    license = License.empty("lic-1")
    end = START + 30 * DAY
    account.apply(DeviceRegistered(device_id="tv", at=START))
    device.apply(DownloadHeld(license_id="lic-1", title_id="film", expires_at=end, at=START))
    license.apply(
        LicenseIssued(
            title_id="film",
            device_id="tv",
            plan="solo",
            expires_at=end,
            playback_window_s=0,
            renewals_max=None,
            at=START,
        )
    )
    return account, device, license


def test_what_is_seen_is_a_copy_and_what_was_found_stays_as_it_is() -> None:
    account, device, license = customer()
    before = (device.clone(), license.clone())
    withdrawn = {"film": [Span(START + 2 * DAY)]}
    seen = Cuts(account, withdrawn, START + 3 * DAY).seen(Kept(account, device, license))
    for _ in range(2):
        assert seen.get(Device, "tv").ended == {"lic-1": START + 2 * DAY}
        assert seen.get(License, "lic-1").effective_expires_at == START + 2 * DAY
    assert (device, license) == before


def test_what_is_not_cut_is_handed_out_as_it_is_found() -> None:
    account, device, license = customer()
    withdrawn = {"film": [Span(START + 2 * DAY)], "other": [Span(START)]}
    seen = Cuts(account, withdrawn, START + DAY).seen(Kept(account, device, license))
    assert seen.get(Account, "account") is account
    assert seen.get(Device, "tv") is device
    assert seen.get(License, "lic-1") is license
    assert seen.get(License, "lic-2").issued_at is None
