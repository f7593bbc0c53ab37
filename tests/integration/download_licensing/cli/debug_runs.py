"""Runs `download-licensing debug` on a store's file with one customer in it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from typer.testing import CliRunner

from download_licensing.cli import app
from download_licensing.service.licensing import AGGREGATES, LicensingService
from helenus import AggregateRepository
from helenus.stores.sqlite import SqliteStore
from tests.integration.download_licensing.debugging.case import lived
from tests.integration.download_licensing.member import CATALOGUE, Member


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
    async with SqliteStore(path) as store, AggregateRepository(store, AGGREGATES) as repository:
        await lived(Member(LicensingService(repository, CATALOGUE)))
