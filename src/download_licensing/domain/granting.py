"""What a grant and a renewal record."""

from __future__ import annotations

from datetime import datetime

from download_licensing.domain.account import Account
from download_licensing.domain.device import Device
from download_licensing.domain.downloaded_title import DownloadedTitle
from download_licensing.domain.license import License
from download_licensing.domain.policy import Terms
from download_licensing.domain.situation import Aggregates
from download_licensing.domain.times import earlier


def grant(
    aggregates: Aggregates,
    account: Account,
    license: License,
    terms: Terms,
    *,
    device_id: str,
    title_id: str,
    now: datetime,
) -> None:
    """Record a new licence and all that it counts for; the rules have allowed it.

    Args:
        aggregates: of the customer, in a unit of work.
        account: of the customer.
        license: not issued yet.
        terms: that allowed it.
        device_id: where the download will lie.
        title_id: what will be downloaded.
        now: the time of the decision.
    """
    expires_at = terms.license_ends_at(now)
    account.register(device_id, now)
    aggregates.get(DownloadedTitle, title_id).count(license.id, device_id, now)
    aggregates.get(Device, device_id).hold(license.id, title_id, expires_at, now)
    license.issue(
        title_id=title_id,
        device_id=device_id,
        plan=account.plan,
        expires_at=expires_at,
        playback_window_s=terms.playback_window_s,
        renewals_max=terms.renewals_max,
        policy_version=terms.policy_version,
        at=now,
    )


def renew(
    aggregates: Aggregates,
    account: Account,
    license: License,
    terms: Terms,
    *,
    now: datetime,
    refresh: bool,
    item_id: str = "",
) -> None:
    """Record that a licence is extended, and what that counts for; the rules have allowed it.

    Args:
        aggregates: of the customer, in a unit of work.
        account: of the customer.
        license: issued and not released.
        terms: that allowed it.
        now: the time of the decision.
        refresh: whether the licence has expired, so that it counts as a download.
        item_id: of the item that asked for it, where several were asked for at once.
    """
    expires_at = terms.license_ends_at(now)
    held_until = expires_at if refresh else earlier(expires_at, license.playback_ends_at)
    account.register(license.device_id, now)
    if refresh:
        aggregates.get(DownloadedTitle, license.title_id).count(license.id, license.device_id, now)
    aggregates.get(Device, license.device_id).hold(license.id, license.title_id, held_until, now)
    license.renew(
        expires_at,
        refresh=refresh,
        policy_version=terms.policy_version,
        at=now,
        item_id=item_id,
    )
