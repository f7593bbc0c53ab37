"""A population lives against the real service; the oracle finds nothing, whatever was killed."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from download_licensing.domain.rules import RULES
from download_licensing.simulate import CheckOptions, Verdict, check
from tests.e2e.running_service import RunningService

MEMBERS = 90
KILLS = 2
POLICIES = Path(__file__).parent / "policies"
FIRST_POLICY = ("--policy", str(POLICIES / "every-rule.yaml"))
LATER_POLICY = ("--policy", str(POLICIES / "every-rule-later.yaml"))
"""Of the middle of the year that is simulated."""
GROWS_WITHIN_S = 60.0


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    service = RunningService(tmp_path, *FIRST_POLICY)
    await service.start()
    yield service
    await service.kill()


async def start_simulation(journal: Path, members: int, *services: RunningService) -> Any:
    """The command in a process of its own, so that it is the service alone that is killed."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "download_licensing", "simulate", "--json"),
        *(option for service in services for option in ("--url", service.url)),
        *(*FIRST_POLICY, *LATER_POLICY),
        *("--members", str(members), "--journal", str(journal), "--patience-s", "60"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def outcome(simulation: Any) -> dict[str, Any]:
    """What it printed; it has to have been content with everything."""
    printed, errors = await simulation.communicate()
    assert simulation.returncode == 0, (printed + errors).decode()[-4000:]
    decoded: dict[str, Any] = msgspec.json.decode(printed)
    return decoded


async def exported(service: RunningService, to: Path) -> Path:
    """The file of a service that does not run any more, as JSON lines."""
    export = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "download_licensing", "export"),
        *("--store", service.store, "--output", str(to)),
    )
    assert await export.wait() == 0
    return to


async def test_a_population_finds_every_limit_kept_and_nothing_refused_below_it(
    service: RunningService, tmp_path: Path
) -> None:
    simulation = await start_simulation(tmp_path / "journal", MEMBERS, service)
    printed = await outcome(simulation)
    done, oracle = printed["simulation"], printed["oracle"]
    assert min(done["done"][kind] for kind in ("request", "release", "play")) > MEMBERS
    assert min(done["done"][kind] for kind in ("renew", "session")) > MEMBERS / 3
    assert set(done["refusals"]) == {rule.reason for rule in RULES}
    assert done["replays"] > 0
    assert done["problems"]["idempotency-key-reused"] > 0
    assert done["problems"]["title-withdrawn"] > 0
    assert min(done["done"][kind] for kind in ("withdraw", "reinstate")) >= 4
    assert done["done"]["renewals"] > MEMBERS / 3
    assert (oracle["accepted"], oracle["whole"]) == (True, True)
    assert (oracle["customers"], oracle["answers"]) == (MEMBERS, done["requests"])


async def test_a_service_killed_in_the_middle_has_kept_all_that_it_acknowledged(
    service: RunningService, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    simulation = await start_simulation(journal, 2 * MEMBERS, service)
    for kill in range(KILLS):
        await asyncio.to_thread(wait_until_grown, journal, (kill + 1) * 300_000)
        await service.kill()
        await service.start()
    printed = await outcome(simulation)
    assert printed["simulation"]["unreachable"] > 0
    assert printed["oracle"]["accepted"]

    assert await service.stop() == 0
    export = await exported(service, tmp_path / "export")
    verdict = await asyncio.to_thread(_check_export, export, journal)
    assert verdict.findings == []
    assert verdict.events == printed["oracle"]["events"]


async def test_two_processes_on_one_file_keep_every_limit_together(
    service: RunningService, tmp_path: Path
) -> None:
    other = RunningService(tmp_path, *FIRST_POLICY)
    await other.start()
    try:
        simulation = await start_simulation(tmp_path / "journal", MEMBERS, service, other)
        printed = await outcome(simulation)
    finally:
        await other.kill()
    assert printed["oracle"]["accepted"]
    assert printed["simulation"]["refusals"]["device-limit"] > 0
    assert printed["simulation"]["problems"]["title-withdrawn"] > 0


def _check_export(export: Path, journal: Path) -> Verdict:
    policies = (Path(FIRST_POLICY[1]), Path(LATER_POLICY[1]))
    return check(CheckOptions(export=export, journal=journal, policies=policies, progress=False))


def wait_until_grown(journal: Path, bytes_min: int) -> None:
    """Wait until so much was recorded: the simulation is in the middle of it."""
    give_up_at = time.monotonic() + GROWS_WITHIN_S
    while not journal.exists() or journal.stat().st_size < bytes_min:
        assert time.monotonic() < give_up_at, "The simulation does not go on."
        time.sleep(0.02)
