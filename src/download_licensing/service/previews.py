"""Previews: what a command would be answered, without an event.

The command is decided as it would be, on the customer's stream with all that goes before it, and
then given up with what it would have answered. So a preview cannot say anything else than the
decision, and it is as fresh as one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from download_licensing.domain.refusals import DownloadRefused
from download_licensing.domain.times import utc
from download_licensing.service import answers, present
from download_licensing.service.base import stream_of
from download_licensing.service.commands import RenewLicense, RequestDownload
from download_licensing.service.downloads import Downloads
from helenus.service import CommandContext
from helenus.unit_of_work import UnitOfWork

_NO_KEY = "\0preview"
"""Names a licence that there never is: no request can have this key."""

Handler = Callable[[UnitOfWork], answers.Grant]


class _GivenUp(Exception):
    """Ends a decision with what it would have been."""

    def __init__(self, preview: answers.Preview) -> None:
        super().__init__("A preview was decided; nothing is recorded.")
        self.preview = preview


class Previews(Downloads):
    """What would be granted or refused."""

    async def preview_download(
        self, customer_id: str, title_id: str, device_id: str, at: datetime
    ) -> answers.Preview:
        """What a request would be answered at a time.

        Raises:
            UnknownTitle: the title is not in the catalogue.
        """
        command = RequestDownload(customer_id=customer_id, device_id=device_id, title_id=title_id)
        context = CommandContext(at=at, command_id=_NO_KEY)
        return await self._preview(
            customer_id, at, lambda unit: self.request_download(unit, command, context)
        )

    async def preview_renewal(
        self, customer_id: str, license_id: str, at: datetime
    ) -> answers.Preview:
        """What a renewal would be answered at a time.

        Raises:
            LicenseNotFound: the customer has no such licence.
            LicenseReleased: it was given back.
            LicenseRevoked: an operator took it away.
            TitleNotFound: its title is no longer in the catalogue.
        """
        command = RenewLicense(customer_id=customer_id, license_id=license_id)
        context = CommandContext(at=at, command_id=_NO_KEY)
        return await self._preview(customer_id, at, lambda unit: self.renew(unit, command, context))

    async def _preview(self, customer_id: str, at: datetime, handler: Handler) -> answers.Preview:
        def decide(unit: UnitOfWork) -> None:
            position = unit.view().position
            try:
                granted = handler(unit)
            except DownloadRefused as refusal:
                raise _GivenUp(present.preview_of_refusal(refusal, utc(at, "at"))) from None
            raise _GivenUp(present.preview_of_grant(granted, utc(at, "at"), position))

        try:
            await self.repository.transact(stream_of(customer_id), decide)
        except _GivenUp as given_up:
            return given_up.preview
        raise AssertionError("A preview is always given up.")
