"""Random histories of a customer, with the refusals they met."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec

from download_licensing.debugging.judging import Judged, Judging
from download_licensing.domain.policy import PolicySource
from download_licensing.domain.refusals import DownloadRefused, Refusal
from download_licensing.service import commands
from download_licensing.service.licensing import AGGREGATES
from download_licensing.service.noted_refusals import RefusalNoted
from helenus import AggregateRepository
from helenus.codec import Codec, Entry
from helenus.stores.memory import MemoryStore
from tests.integration.download_licensing.member import (
    CATALOGUE,
    POLICIES,
    START,
    Member,
    service_of,
)

_TITLES = ("free", "thrice", "windowed", "short", "unrenewable", "forever-windowed")
_PLANS = ("solo", "pair", "family")
_DEVICES = ("tv", "tablet", "phone")
_DEEDS = (
    *("request", "request", "request", "renew", "renew", "renew", "play", "release", "rid"),
    *("sync", "many", "plan", "cancel", "block"),
)


class Life(msgspec.Struct):
    """What was recorded of one customer.

    Attributes:
        commits: the events of each.
        refusals: as the service gave them.
    """

    commits: list[list[Entry]]
    refusals: list[RefusalNoted]

    def judged(self, policies: PolicySource = POLICIES) -> list[Judged]:
        """Every decision, judged by these policies."""
        judging = Judging(AGGREGATES, policies, CATALOGUE.titles, self.refusals)
        found = [one for commit in self.commits for one in judging.commit(commit)]
        return [*found, *judging.finish()]


async def random_life(seed: int, steps: int = 40) -> Life:
    """A customer who does this and that, some of it in vain."""
    chance = random.Random(seed)  # reproducible
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
        member = Member(service_of(repository))
        await member.open(chance.choice(_PLANS))
        refusals = [one async for one in _live(member, chance, steps)]
        commits = [
            entries
            async for page in store.read("customer/ada")
            for entries in Codec(AGGREGATES).decode_bodies("customer/ada", page.commits)
        ]
    return Life(commits, refusals)


async def _sync(
    member: Member,
    chance: random.Random,
    device: str,
    licenses: list[tuple[str, str, str]],
    at: datetime,
) -> None:
    """A device brings a release, a play and some renewals, all of them in one commit."""
    own = [one for one, on, _ in licenses if one and on == device]
    chance.shuffle(own)
    items = [(f"item-{at:%s}-{number}", one) for number, one in enumerate(own[:5])]
    release = [commands.SyncedRelease(item_id=i, license_id=one) for i, one in items[:1]]
    play = [commands.SyncedPlay(item_id=i, license_id=one, played_at=at) for i, one in items[1:2]]
    renewals = [commands.SyncedRenewal(item_id=i, license_id=one) for i, one in items[2:]]
    await member.do(
        commands.Sync,
        at,
        device_id=device,
        releases=tuple(release),
        plays=tuple(play),
        renewals=tuple(renewals),
    )


async def _live(member: Member, chance: random.Random, steps: int) -> AsyncIterator[RefusalNoted]:
    at, licenses = START, [("", "", "")]
    for _ in range(steps):
        at += timedelta(hours=chance.randint(1, 300))
        device, title = chance.choice(_DEVICES), chance.choice(_TITLES)
        license_id, its_device, its_title = chance.choice(licenses)
        try:
            match chance.choice(_DEEDS):
                case "renew" if license_id:
                    device, title = its_device, its_title
                    await member.renew(license_id, at)
                case "play" if license_id:
                    await member.play(license_id, at)
                case "release" if license_id:
                    await member.release(license_id, at)
                case "sync" if license_id:
                    await _sync(member, chance, its_device, licenses, at)
                case "many" if license_id:
                    ids = {one for one, _, _ in chance.choices(licenses, k=4) if one}
                    await member.do(commands.RenewLicenses, at, license_ids=tuple(sorted(ids)))
                case "plan" if chance.random() < 0.5:
                    await member.do(commands.ChangePlan, at, plan=chance.choice(_PLANS))
                case "cancel" if chance.random() < 0.3:
                    standing = chance.choice(("cancelled", "past-due", "good", "good"))
                    await member.do(commands.SetStanding, at, standing=standing)
                case "block" if chance.random() < 0.3:
                    await member.do(commands.BlockAccount, at, reason="stolen")
                case "block":
                    await member.do(commands.UnblockAccount, at)
                case "rid" if chance.random() < 0.3:
                    await member.remove(device, at)
                case _:
                    license_id = ""
                    granted = await member.request(device, title, at)
                    licenses.append((granted.license_id, device, title))
        except DownloadRefused as refused:
            yield RefusalNoted(
                position=refused.position,
                at=refused.at or at,
                device_id="" if license_id else device,
                title_id="" if license_id else title,
                license_id=license_id,
                policy_version=refused.policy_version,
                reasons=tuple(unmet.reason for unmet in refused.unmet),
            )
        except Refusal:
            pass
