"""Before a simulation begins, each process has to be there and to take the simulated time."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web

from download_licensing.simulate.preflight import ServiceUnfit, await_services

AT = datetime(2026, 1, 1, tzinfo=UTC)
FIT = (404, "account-not-found")


@contextlib.asynccontextmanager
async def service(*answers: tuple[int, str]) -> AsyncIterator[str]:
    """Gives these answers one after another, then the last for good; its address."""
    left = list(answers)

    async def answer(request: web.Request) -> web.Response:
        status, reason = left.pop(0) if len(left) > 1 else left[0]
        return web.json_response({"type": f"/problems/{reason}"}, status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def look(*urls: str, patience_s: float = 0) -> None:
    await await_services(urls, "run", AT, timeout_s=5, patience_s=patience_s)


async def test_processes_that_all_take_the_time_are_fit() -> None:
    async with service(FIT) as one, service(FIT) as two:
        await look(one, two)


async def test_a_process_whose_store_is_away_is_waited_for() -> None:
    async with service((503, "store-unavailable"), FIT) as one:
        await look(one, patience_s=30)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((400, "rehearsal-off"), "takes no simulated time: start it with --rehearsal"),
        ((200, "none"), "answers a query for an unknown customer with 200"),
        ((503, "store-unavailable"), "gave no answer for 0 s: it answers 503"),
    ],
)
async def test_the_one_process_that_is_not_fit_is_named(answer: tuple[int, str], says: str) -> None:
    async with service(FIT) as one, service(answer) as two:
        with pytest.raises(ServiceUnfit) as unfit:
            await look(one, two)
    assert str(unfit.value).startswith(f"The service at {two} {says}")
