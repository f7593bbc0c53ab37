"""Every pair of a state and a message, carried out: what the tables of the lifecycle's page hold.

`python -m tests.integration.download_licensing.lifecycle_page` writes the tables by it; a test
carries out each cell of the page on its own and compares.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from download_licensing.domain.ids import license_id_of
from download_licensing.domain.refusals import DownloadRefused, Refusal
from download_licensing.service import answers
from download_licensing.service.commands import (
    BlockAccount,
    ChangePlan,
    ReinstateTitle,
    ReportFirstPlay,
    RevokeLicense,
    SetRegion,
    SetStanding,
    SyncedRenewal,
    UnblockAccount,
    WithdrawTitle,
)
from download_licensing.service.licensing import AGGREGATES
from helenus import AggregateRepository, CommandContext
from helenus.settings import RepositorySettings
from helenus.stores.memory import MemoryStore
from tests.integration.download_licensing.member import (
    DAY,
    START,
    Member,
    service_of,
)

TITLE, KEY = "windowed", "the-request"
LICENSE = license_id_of("ada", KEY)
BEFORE = START + DAY
"""When what makes the state happens."""
NOW = START + 2 * DAY
"""When the message comes, unless the state lies later."""
LATE = START + 40 * DAY
"""When the licence has expired by itself."""

Step = Callable[[Member, datetime], Awaitable[object]]


class Table:
    """One table of the page.

    Args:
        states: how each is brought about, by the heading of its column.
        messages: how each is sent, by the first cell of its row.
        state_of: which state there is now.
        late: states that lie later than the others.
    """

    def __init__(
        self,
        states: dict[str, Step],
        messages: dict[str, Step],
        state_of: Callable[[Member, datetime], Awaitable[str]],
        late: frozenset[str] = frozenset(),
    ) -> None:
        self.states = states
        self.messages = messages
        self._state_of = state_of
        self._late = late

    async def cell(self, state: str, message: str) -> str:
        """What comes of a message in a state, as the page says it."""
        async with _member() as member:
            await self.states[state](member, BEFORE)
            now = LATE if state in self._late else NOW
            assert await self._state_of(member, now) == state
            before = await member.recorded()
            try:
                await self.messages[message](member, now)
            except DownloadRefused as refusal:
                return _refused([unmet.reason for unmet in refusal.unmet])
            except Refusal as refusal:
                return _refused([refusal.reason])
            after = await self._state_of(member, _until(message, now))
            names = [name for _, name in (await member.recorded())[len(before) :]]
            return _told(state, after, names)


def _until(message: str, now: datetime) -> datetime:
    return LATE + 40 * DAY if message == TIME else now


def _refused(reasons: list[str]) -> str:
    return "refused: " + ", ".join(f"`{reason}`" for reason in reasons)


def _told(before: str, after: str, names: list[str]) -> str:
    change = "" if before == after else f"→ {after}"
    recorded = ", ".join(f"`{name}`" for name in names)
    return "; ".join(part for part in (change, recorded) if part) or "–"


@asynccontextmanager
async def _member() -> AsyncIterator[Member]:
    """A customer of a service that remembers one command only, so that repetitions are decided."""
    forgetful = RepositorySettings(command_window_max=1)
    async with (
        MemoryStore() as store,
        AggregateRepository(store, AGGREGATES, settings=forgetful) as repository,
    ):
        yield Member(service_of(repository))


async def _nothing(member: Member, at: datetime) -> None:
    """Nothing happens but that time goes on."""


TIME = "time passes"


# --- a licence ---------------------------------------------------------------------------------


async def _issued(member: Member, at: datetime) -> None:
    await member.open("family", START)
    await member.request("tv", TITLE, START, KEY)
    await member.do(SetRegion, START, country="PT", time_zone="UTC")  # the key is forgotten


def _then(*steps: Step) -> Step:
    async def carried_out(member: Member, at: datetime) -> None:
        for step in steps:
            await step(member, at)

    return carried_out


def _do(kind: type[Any], **fields: Any) -> Step:
    async def sent(member: Member, at: datetime) -> None:
        await member.do(kind, at, **fields)

    return sent


def _title(kind: type[Any], **fields: Any) -> Step:
    async def sent(member: Member, at: datetime) -> None:
        await member.service.execute(kind(title_id=TITLE, **fields), CommandContext(at=at))

    return sent


async def _request(member: Member, at: datetime) -> None:
    await member.request("tv", TITLE, at, KEY)


async def _renew(member: Member, at: datetime) -> None:
    await member.renew(LICENSE, at)


async def _play(member: Member, at: datetime) -> None:
    await member.play(LICENSE, at, at)


async def _session(member: Member, at: datetime) -> None:
    await member.session(LICENSE, "s-1", ("start", at), at=at)


async def _release(member: Member, at: datetime) -> None:
    await member.release(LICENSE, at)


async def _remove(member: Member, at: datetime) -> None:
    await member.remove("tv", at)


_REVOKE = _do(RevokeLicense, license_id=LICENSE, reason="Claim.")
_WITHDRAW = _title(WithdrawTitle, reason="Claim.")
_CANCEL = _do(SetStanding, standing="cancelled")


async def _license_state(member: Member, at: datetime) -> str:
    try:
        license = await member.license(LICENSE, at)
    except Refusal:
        return "none"
    if license.state == "active":
        return "playing" if license.first_played_at else "unplayed"
    if license.state == "expired":
        return _CUT.get(license.cut_reason or "", "expired")
    return license.state


_CUT = {"title-withdrawn": "withdrawn", "account-cancelled": "cancelled"}


async def _opened(member: Member, at: datetime) -> None:
    await member.open("family", START)


LICENCES = Table(
    states={
        "none": _opened,
        "unplayed": _issued,
        "playing": _then(_issued, _play),
        "expired": _issued,
        "withdrawn": _then(_issued, _WITHDRAW),
        "cancelled": _then(_issued, _CANCEL),
        "released": _then(_issued, _release),
        "revoked": _then(_issued, _REVOKE),
    },
    messages={
        "request, under its key": _request,
        "renewal": _renew,
        "first play": _play,
        "session": _session,
        "release": _release,
        "removal of its device": _remove,
        "revocation": _REVOKE,
        "withdrawal of its title": _WITHDRAW,
        "reinstatement of its title": _title(ReinstateTitle),
        "standing: past-due": _do(SetStanding, standing="past-due"),
        "standing: cancelled": _CANCEL,
        "standing: good": _do(SetStanding, standing="good"),
        "block": _do(BlockAccount, reason="Abuse."),
        "smaller plan": _do(ChangePlan, plan="solo"),
        TIME: _nothing,
    },
    state_of=_license_state,
    late=frozenset({"expired"}),
)


# --- an account --------------------------------------------------------------------------------


async def _two_devices(member: Member, at: datetime) -> None:
    await _issued(member, at)
    await member.request("phone", "free", START)


async def _open(member: Member, at: datetime) -> None:
    await member.open("family", at)


async def _new_request(member: Member, at: datetime) -> None:
    await member.request("tv", "free", at)


async def _sync(member: Member, at: datetime) -> None:
    synced = await member.sync("tv", at, SyncedRenewal(item_id="a", license_id=LICENSE))
    _raise_refused(synced)


def _raise_refused(synced: answers.Synced) -> None:
    """Raise what the one item was refused for, so that the cell says it."""
    (item,) = synced.items
    if item.refusal is not None:
        if item.refusal.unmet:
            raise DownloadRefused(item.refusal.unmet)
        raise AssertionError(item.refusal)


async def _remove_phone(member: Member, at: datetime) -> None:
    await member.remove("phone", at)


async def _account_state(member: Member, at: datetime) -> str:
    try:
        account = await member.service.account("ada")
    except Refusal:
        return "none"
    if account.blocked:
        return "blocked"
    if account.standing != "good":
        return account.standing
    devices = await member.devices(at)
    assert devices.devices_max is not None
    return "too small a plan" if devices.devices_in_use > devices.devices_max else "good"


ACCOUNTS = Table(
    states={
        "none": _nothing,
        "good": _two_devices,
        "past-due": _then(_two_devices, _do(SetStanding, standing="past-due")),
        "cancelled": _then(_two_devices, _CANCEL),
        "blocked": _then(_two_devices, _do(BlockAccount, reason="Abuse.")),
        "too small a plan": _then(_two_devices, _do(ChangePlan, plan="solo")),
    },
    messages={
        "opening, with its plan or the same": _open,
        "request": _new_request,
        "renewal": _renew,
        "renewal, in a sync": _sync,
        "first play": _do(ReportFirstPlay, license_id=LICENSE, played_at=NOW),
        "session": _session,
        "release": _release,
        "removal of the other device": _remove_phone,
        "revocation": _REVOKE,
        "standing: good": _do(SetStanding, standing="good"),
        "standing: past-due": _do(SetStanding, standing="past-due"),
        "standing: cancelled": _CANCEL,
        "block": _do(BlockAccount, reason="Other."),
        "end of the block": _do(UnblockAccount),
        "smaller plan": _do(ChangePlan, plan="solo"),
        "larger plan": _do(ChangePlan, plan="family"),
        "new region": _do(SetRegion, country="BR", time_zone="America/Manaus"),
    },
    state_of=_account_state,
)

TABLES = {
    "Every state and message of a licence": LICENCES,
    "Every state and message of an account": ACCOUNTS,
}
