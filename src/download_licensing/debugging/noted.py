"""Reading the refusals that were noted of a customer."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

from download_licensing.service.noted_refusals import RefusalNoted, refusals_stream_of
from helenus.repository import AggregateRepository

REFUSALS_MAX = 10_000
"""Most refusals that are looked at of one customer: the latest."""


async def refusals_of(
    repository: AggregateRepository, customer_id: str, *, limit: int = REFUSALS_MAX
) -> list[RefusalNoted]:
    """The refusals noted of a customer, the oldest first.

    Args:
        repository: of streams of refusals.
        customer_id: whose.
        limit: how many of the latest.
    """
    latest: deque[RefusalNoted] = deque(maxlen=limit)
    async for refusal in _noted(repository, customer_id):
        latest.append(refusal)
    return list(latest)


async def _noted(repository: AggregateRepository, customer_id: str) -> AsyncIterator[RefusalNoted]:
    async for recorded in repository.history(refusals_stream_of(customer_id)):
        if isinstance(recorded.event, RefusalNoted):
            yield recorded.event
