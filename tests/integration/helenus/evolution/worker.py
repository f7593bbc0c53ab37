"""A process of one release: `python -m … RELEASE FILE`, with JSON lines in and out.

`["record", STREAM, EVENT, FIELDS, COMMAND_ID]` records one event, `["load", STREAM]` loads.
The answer is `["ok", …]` or `["error", class, message, outcome]`.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import Any

import msgspec

from helenus import AggregateRepository, HelenusError, UnitOfWork
from helenus.stores.sqlite import SqliteStore


async def serve(release: Any, path: str) -> None:
    async with (
        SqliteStore(path) as store,
        AggregateRepository(store, release.AGGREGATES) as repository,
    ):
        while line := await asyncio.to_thread(sys.stdin.readline):
            answer = await answered(release, repository, *msgspec.json.decode(line))
            sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
            sys.stdout.flush()


async def answered(
    release: Any, repository: AggregateRepository, what: str, stream: str, *rest: Any
) -> list[Any]:
    try:
        if what == "load":
            view = await repository.load(stream)
            member = view.get(release.Member, "ada")
            state = {field: getattr(member, field) for field in member.__struct_fields__}
            return ["ok", view.position, state]
        name, fields, command_id = rest

        def decide(unit: UnitOfWork) -> None:
            unit.get(release.Member, "ada").record(getattr(release, name)(**fields))

        await repository.transact(stream, decide, command_id=command_id)
    except HelenusError as error:
        return ["error", type(error).__name__, str(error), error.outcome.value]
    return ["ok"]


if __name__ == "__main__":
    asyncio.run(serve(importlib.import_module(f"{__package__}.{sys.argv[1]}"), sys.argv[2]))
