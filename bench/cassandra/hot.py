"""One stream that everyone wants: commands that queue in one process, and processes that race."""

from __future__ import annotations

import asyncio
import sys
import uuid
from pathlib import Path

import msgspec

from bench.cassandra import raw
from bench.cassandra.accounts import pay
from bench.cassandra.contender import Orders, Tally
from bench.cassandra.context import Bench, alternate, rate, ratio
from bench.harness import Row

_PROCESSES = 4
_IN_FLIGHT = 64
_START_SECONDS_MAX = 60.0
_RANKS = ("most", "second", "third", "least")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Tally).decode


async def run(bench: Bench) -> list[Row]:
    """One process with all commands and with a process's share; four with a share each, and all."""
    seconds = bench.options.seconds
    shared: list[list[Tally]] = []
    crowded: list[list[Tally]] = []
    stream = f"hot/{uuid.uuid4().hex}"
    async with bench.repository() as repository:

        async def command(worker: int, turn: int) -> None:
            await repository.transact(stream, pay())

        values = await alternate(
            bench.options.runs,
            raw=lambda: rate(1, raw.appends(bench.session), seconds),
            together=lambda: rate(_IN_FLIGHT, command, seconds),
            share=lambda: rate(_IN_FLIGHT // _PROCESSES, command, seconds),
            apart=lambda: _contended(bench, _IN_FLIGHT // _PROCESSES, shared),
            crowd=lambda: _contended(bench, _IN_FLIGHT, crowded),
        )
    one = f"one hot stream, {_IN_FLIGHT} in flight, one process"
    four = f"one hot stream, {_IN_FLIGHT} in flight, {_PROCESSES} processes"
    crowd = f"one hot stream, {_PROCESSES} processes with {_IN_FLIGHT} in flight each"
    return [
        Row(one, "raw driver, LWTs one at a time", "commands/s", values["raw"]),
        Row(one, "helenus", "commands/s", values["together"]),
        ratio(one, "helenus ÷ one at a time", values["together"], values["raw"], "≥ 20"),
        Row(four, "helenus, all processes", "commands/s", values["apart"]),
        ratio(four, "helenus ÷ one at a time", values["apart"], values["raw"], "≥ 10"),
        ratio(four, "the same with one of them alone", values["share"], values["raw"]),
        *_fairness(four, shared),
        Row(crowd, "helenus, all processes", "commands/s", values["crowd"]),
        ratio(crowd, "helenus ÷ one at a time", values["crowd"], values["raw"], "≥ 10"),
        *_fairness(crowd, crowded),
    ]


async def _contended(bench: Bench, in_flight: int, found: list[list[Tally]]) -> float:
    tallies = await _contend(bench, in_flight)
    found.append(tallies)
    return sum(t.commands for t in tallies) / max(t.seconds for t in tallies)


def _fairness(case: str, found: list[list[Tally]]) -> list[Row]:
    shares = []
    for tallies in found:
        total = sum(tally.commands for tally in tallies) or 1
        shares.append(sorted((100 * t.commands / total for t in tallies), reverse=True))
    return [
        *(
            Row(case, f"share of the process served {rank}", "%", list(values))
            for rank, values in zip(_RANKS, zip(*shares, strict=True), strict=True)
        ),
        Row(case, "slowest command", "ms", [max(t.slowest_ms for t in each) for each in found]),
        Row(
            case, "given up (Conflict)", "commands", [sum(t.refused for t in e) for e in found], "0"
        ),
        Row(case, "failed (timeouts)", "commands", [sum(t.failed for t in e) for e in found], "0"),
        Row(
            case,
            "conflicts ÷ appends",
            "×",
            [sum(t.conflicts for t in e) / max(sum(t.appends for t in e), 1) for e in found],
        ),
    ]


async def _contend(bench: Bench, in_flight: int) -> list[Tally]:
    orders = Orders(bench.settings, f"hot/{uuid.uuid4().hex}", in_flight, bench.options.seconds)
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from bench.cassandra.contender import main; main()"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(_PROCESSES)
    ]
    try:
        async with asyncio.timeout(_START_SECONDS_MAX + 2 * bench.options.seconds):
            await _say(processes, _encode(orders))  # all get ready before one starts
            return [_decode(answer) for answer in await _say(processes, b"go")]
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _say(processes: list[asyncio.subprocess.Process], line: bytes) -> list[bytes]:
    """Tell each process a line, and return what each answers."""
    answers = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(line + b"\n")
    for process in processes:
        assert process.stdout is not None
        answers.append(await process.stdout.readline())
        if not answers[-1]:
            raise RuntimeError("a process of the race has ended; its own message is above")
    return answers
