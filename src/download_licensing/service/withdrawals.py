"""Withdrawals: an operator takes a title from all customers, and every process comes to know of it.

They are facts on one stream of titles. Each process keeps them in memory and looks for new ones
again and again; what a process granted before it had heard of one is over as soon as it has.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import structlog

from download_licensing.background import Trouble, in_background
from download_licensing.domain.refusals import TitleNotFound
from download_licensing.domain.times import utc
from download_licensing.domain.title_withdrawal import TitleWithdrawal
from download_licensing.service import answers
from download_licensing.service.base import WITHDRAWALS_STREAM, Licensing
from download_licensing.service.commands import ReinstateTitle, TitleCommand, WithdrawTitle
from download_licensing.service.history import TitleHistory, history_event
from helenus.clock import Clock, SystemClock
from helenus.errors import HelenusError
from helenus.service import CommandContext, handles
from helenus.unit_of_work import UnitOfWork

_log = structlog.get_logger("download_licensing.withdrawals")


class Withdrawals(Licensing):
    """The commands about titles, and what is known of them."""

    async def execute(self, command: Any, context: CommandContext) -> Any:
        """As `Licensing.execute`; this process knows of a withdrawal at once."""
        answer = await super().execute(command, context)
        if isinstance(command, TitleCommand):
            await self.refresh_withdrawals()
        return answer

    @handles
    def withdraw_title(
        self, unit: UnitOfWork, command: WithdrawTitle, context: CommandContext
    ) -> answers.Withdrawal:
        """End every download of a title now, and grant none. Idempotent: the first reason stays.

        Raises:
            TitleNotFound: the title is not in the catalogue.
        """
        self._title(command.title_id)
        title = unit.get(TitleWithdrawal, command.title_id)
        title.withdraw(command.reason, utc(context.at, "at"))
        return _withdrawal(title)

    @handles
    def reinstate_title(
        self, unit: UnitOfWork, command: ReinstateTitle, context: CommandContext
    ) -> answers.Withdrawal:
        """Let a title be downloaded again; what ended stays ended. Idempotent.

        Raises:
            TitleNotFound: the title is not in the catalogue, and was never withdrawn.
        """
        title = unit.get(TitleWithdrawal, command.title_id)
        if not title.spans and command.title_id not in self._catalogue.titles:
            raise TitleNotFound(command.title_id)
        title.reinstate(utc(context.at, "at"))
        return _withdrawal(title)

    async def withdrawals(self) -> answers.Withdrawals:
        """The titles that are withdrawn, by id."""
        view = await self.repository.load(WITHDRAWALS_STREAM)
        known = sorted(view.all(TitleWithdrawal), key=lambda title: title.id)
        return answers.Withdrawals(
            titles=tuple([_withdrawal(title) for title in known if title.withdrawn_at is not None])
        )

    async def withdrawal_history(self, *, after: int, limit: int) -> TitleHistory:
        """A part of what was recorded of withdrawals.

        Args:
            after: the position to go on after.
            limit: most events of the part.
        """
        head = (await self.repository.load(WITHDRAWALS_STREAM)).position
        upto = max(after, min(after + limit, head))
        recorded = self.repository.history(WITHDRAWALS_STREAM, after=after, upto=upto)
        return TitleHistory(head=head, events=[history_event(event) async for event in recorded])

    async def refresh_withdrawals(self) -> None:
        """Look for what other processes withdrew.

        Raises:
            StoreError: the store failed; what is known stays.
        """
        view = await self.repository.load(WITHDRAWALS_STREAM)
        if view.position >= self._withdrawn_at_position:  # two may look at once: the later counts
            self._withdrawn = {title.id: title.spans for title in view.all(TitleWithdrawal)}
            self._withdrawn_at_position = view.position

    @contextlib.asynccontextmanager
    async def following_withdrawals(
        self, *, poll_s: float, clock: Clock | None = None
    ) -> AsyncIterator[None]:
        """Look for new withdrawals again and again while the block runs, first of all now.

        Args:
            poll_s: how often.
            clock: waits.
        """
        trouble = Trouble(_tell)
        await self._look(trouble)
        async with in_background(self._follow(poll_s, clock or SystemClock(), trouble)):
            yield

    async def _follow(self, poll_s: float, clock: Clock, trouble: Trouble) -> None:
        while True:
            await clock.sleep(poll_s)
            await self._look(trouble)

    async def _look(self, trouble: Trouble) -> None:
        try:
            await self.refresh_withdrawals()
        except HelenusError as error:
            trouble.met(error)
        else:
            trouble.over()


def _tell(error: Exception) -> None:
    _log.warning("withdrawals not read", error=type(error).__name__, cause=str(error))


def _withdrawal(title: TitleWithdrawal) -> answers.Withdrawal:
    return answers.Withdrawal(
        title_id=title.id, withdrawn_at=title.withdrawn_at, reason=title.reason or None
    )
