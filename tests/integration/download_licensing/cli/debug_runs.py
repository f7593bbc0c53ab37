"""Runs `download-licensing debug` on a store's file with one customer in it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from typer.testing import CliRunner

from download_licensing.catalogue import Catalogue
from download_licensing.cli import app
from download_licensing.debugging.noting import RefusalNotes
from download_licensing.debugging.versions import shipped
from download_licensing.domain.refusals import DownloadRefused
from download_licensing.service.licensing import AGGREGATES, LicensingService
from download_licensing.service.noted_refusals import Refusals
from helenus import AggregateRepository
from helenus.stores.sqlite import SqliteStore
from tests.integration.download_licensing.debugging.case import lived
from tests.integration.download_licensing.member import DAY, START, Member


class Ran(NamedTuple):
    """How a command ended."""

    exit_code: int
    out: str
    err: str

    def json(self) -> Any:
        """What it answered, which is one line."""
        assert self.exit_code == 0, self
        assert self.out.count("\n") == 1
        return msgspec.json.decode(self.out)


def debug(*arguments: object) -> Ran:
    """Run a command of `debug`; it never ends with a traceback."""
    result = CliRunner().invoke(app, ["debug", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def store_with_a_customer(path: Path) -> Path:
    """A store's file with the history of `ada`."""
    asyncio.run(_live(path))
    return path


async def _live(path: Path) -> None:
    async with (
        SqliteStore(path) as store,
        AggregateRepository(store, AGGREGATES) as repository,
        AggregateRepository(store, [Refusals]) as refusals,
    ):
        notes = RefusalNotes(refusals)
        service = LicensingService(
            repository, Catalogue.shipped(), policies=shipped(), hooks=[notes.hook]
        )
        await lived(
            Member(service), plan="standard", windowed="glass-harbour", other="nine-winters"
        )
        for number in range(3):
            other = Member(service, f"bob-{number}")
            await other.open("basic")
            await other.request("tv", "glass-harbour", START + DAY)
            with pytest.raises(DownloadRefused):
                await other.request("phone", "glass-harbour", START + 2 * DAY)
        await notes.write()
