"""Reports: what a device tells afterwards, late, twice and out of order."""

from __future__ import annotations

from download_licensing.domain.device import Device
from download_licensing.domain.times import utc
from download_licensing.service import answers, present
from download_licensing.service.base import Licensing, account_of, license_of
from download_licensing.service.commands import ReportFirstPlay
from helenus.service import CommandContext, handles
from helenus.unit_of_work import UnitOfWork


class Reports(Licensing):
    """The commands that tell what happened already; no rule refuses them."""

    @handles
    def report_first_play(
        self, unit: UnitOfWork, command: ReportFirstPlay, context: CommandContext
    ) -> answers.License:
        """Start the playback window with the first report that arrives; others change nothing.

        Raises:
            LicenseNotFound: the customer has no such licence.
        """
        account_of(unit, command.customer_id)
        license = license_of(unit, command.license_id)
        at = utc(context.at, "at")
        reported = utc(command.played_at, "played_at")
        if license.released_at is None and license.first_played_at is None:
            expires_at = license.effective_expires_at
            license.play(reported, at)
            if license.effective_expires_at != expires_at:
                device = unit.get(Device, license.device_id)
                device.shorten(license.id, license.effective_expires_at, at)
        return present.license(command.customer_id, license, at)
