"""The policy that the numbers of a catalogue make."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from download_licensing.domain.policy.layer import Layer
from download_licensing.domain.policy.policies import Policies
from download_licensing.domain.policy.policy import Policy
from download_licensing.domain.rule import Clause
from download_licensing.domain.rules.account_standing import AccountStanding
from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.operator_block import OperatorBlock
from download_licensing.domain.rules.playback_window import PlaybackWindow
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.terms import Plan, Title
from download_licensing.domain.times import EARLIEST

_HOUR_S = 3_600


def policies_of(plans: Mapping[str, Plan], titles: Mapping[str, Title]) -> Policies:
    """One policy, in force at any time, whose version names the numbers it was made from."""
    numbers = msgspec.json.encode([dict(plans), dict(titles)], order="sorted")
    digest = hashlib.blake2b(numbers, digest_size=4).hexdigest()
    policy = Policy(
        version=f"catalogue-{digest}",
        effective_from=EARLIEST,
        default=Layer.of(OperatorBlock(), AccountStanding()),
        plans={plan_id: _plan(plan) for plan_id, plan in plans.items()},
        titles={title_id: _title(title) for title_id, title in titles.items()},
    )
    return Policies([policy])


def _plan(plan: Plan) -> Layer:
    return Layer.of(
        DeviceLimit(plan.devices_max),
        ActiveDownloadsPerDevice(plan.active_downloads_per_device_max),
    )


def _title(title: Title) -> Layer:
    clauses: list[Clause] = [
        LicenseDuration(_hours(title.license_duration_s)),
        PlaybackWindow(_hours(title.playback_window_s)),
    ]
    if title.downloads_per_year_max is not None:
        clauses.append(TitleDownloadsPerYear(title.downloads_per_year_max))
    if title.renewals_max is not None:
        clauses.append(RenewalsPerLicense(title.renewals_max))
    return Layer.of(*clauses)


def _hours(seconds: int) -> int:
    hours, rest = divmod(seconds, _HOUR_S)
    assert not rest, f"{seconds} s are no whole hours"
    return hours
