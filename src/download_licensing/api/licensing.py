"""From a request to the licensing service that answers it."""

from __future__ import annotations

from typing import Any

from download_licensing.api.headers import command_context
from download_licensing.api.requests import AnyRequest
from download_licensing.service.commands import Command, TitleCommand
from download_licensing.service.licensing import LicensingService


def licensing_of(request: AnyRequest) -> LicensingService:
    """The service, for what only reads."""
    licensing: LicensingService = request.app.state.licensing
    return licensing


async def execute(
    request: AnyRequest, command: Command | TitleCommand, *, key_required: bool
) -> Any:
    """Have a command carried out, with what the headers of its request say of it.

    Args:
        request: may carry an idempotency key, and in a rehearsal the time.
        command: what its path and body say.
        key_required: whether it must carry a key; not if the command is idempotent by nature.

    Returns:
        What the command is answered with.

    Raises:
        ProblemError: the key is missing or cannot be used, or the time cannot be taken.
        HelenusError: see `LicensingService`.
    """
    context = command_context(request, key_required=key_required)
    return await licensing_of(request).execute(command, context)
