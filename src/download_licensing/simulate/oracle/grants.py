"""Is a grant right, alone or within a sync, on the state that it left?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from download_licensing.simulate.oracle import limits
from download_licensing.simulate.oracle.answers import Grant, Unmet
from download_licensing.simulate.oracle.ledger import Ledger
from download_licensing.simulate.oracle.terms import Terms

Contradictions = Iterator[str]


def grant_against(body: Grant, ledger: Ledger, terms: Terms, at: datetime) -> Contradictions:
    """What speaks against a grant on the state that it left."""
    kept = ledger.licenses[body.license_id]
    yield from differ("device_id", body.device_id, kept.device_id)
    yield from differ("title_id", body.title_id, kept.title_id)
    yield from differ("plan", body.plan, ledger.plan)
    yield from differ("expires_at", body.expires_at, kept.expires_at)
    yield from differ("playback_window_s", body.playback_window_s, kept.playback_window_s)
    yield from differ("playback_ends_at", body.playback_ends_at, kept.playback_ends_at)
    yield from differ("renewals_left", body.renewals_left, limits.renewals_left(kept))
    downloads = limits.downloads_left(ledger, terms, kept.title_id, at)
    yield from differ("downloads_left_this_year", body.downloads_left_this_year, downloads)
    active = limits.active_left(ledger, terms, kept.device_id, at, kept.title_id)
    yield from differ(
        "active_downloads_left_on_device", body.active_downloads_left_on_device, active
    )
    devices = limits.devices_left(ledger, terms, at, kept.title_id)
    yield from differ("devices_left", body.devices_left, devices)
    yield from differ("policy_version", body.policy_version, kept.policy_version)


def differ(what: str, said: object, expected: object) -> Contradictions:
    """What was answered is not what was expected."""
    if said != expected:
        yield f"{what}: answered {shown(said)}, expected {shown(expected)}"


def shown(value: object) -> str:
    """A value as findings show it."""
    if isinstance(value, list):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    if isinstance(value, Unmet):
        until = f" until {value.resets_at:%Y-%m-%dT%H:%M:%S.%fZ}" if value.resets_at else ""
        return f"{value.reason} ({value.rule}) {value.used}/{value.limit}{until}"
    return f"{value:%Y-%m-%dT%H:%M:%S.%fZ}" if isinstance(value, datetime) else str(value)
