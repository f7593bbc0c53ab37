"""``helenus verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from helenus.cli.aggregates import AggregatesName, load_aggregates
from helenus.cli.output import FOUND, AsJson, counting, messages, print_json, print_line, run
from helenus.cli.stores import StoreName, open_store
from helenus.errors import StoreError
from helenus.verification import VerificationSettings, Verified, verify_streams

_DEFAULT = VerificationSettings()


def verify(
    store: StoreName,
    *,
    prefix: Annotated[str, typer.Option(help="Only streams whose names begin with it.")] = "",
    after: Annotated[str, typer.Option(help="A cursor, to go on from.")] = "",
    aggregates: AggregatesName = None,
    command_window_s: Annotated[
        int, typer.Option(min=0, help="For how long the writers remember a command.")
    ] = _DEFAULT.command_window_s,
    command_window_max: Annotated[
        int, typer.Option(min=1, help="How many commands the writers remember.")
    ] = _DEFAULT.command_window_max,
    findings_max: Annotated[int, typer.Option(min=1, help="Findings after which to stop.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Hold every stream against all that must hold for one. Nothing is written.

    With the aggregates, events are applied and snapshots compared with what they lead to.
    """
    settings = VerificationSettings(
        command_window_s=command_window_s, command_window_max=command_window_max
    )
    total = Verified(cursor=after)

    async def work() -> None:
        types = load_aggregates(aggregates)
        with counting("Verifying") as tell:
            async with open_store(store) as opened:
                async for verified in verify_streams(
                    opened, prefix=prefix, after=after, aggregates=types, settings=settings
                ):
                    _add(total, verified)
                    tell(f"{total.streams:,} streams, {len(total.findings):,} findings")
                    if not as_json:
                        _print(verified)
                    if len(total.findings) >= findings_max:
                        return

    async def resumable() -> None:
        try:
            await work()
        except StoreError:
            if total.cursor:
                messages.print(f"Go on with --after '{total.cursor}'.", markup=False)
            raise

    run(resumable)
    if as_json:
        print_json(total)
    else:
        print_line(
            f"{total.streams:,} streams, {total.commits:,} commits, {total.events:,} events:"
            f" {len(total.findings):,} findings."
        )
    if total.findings:
        raise typer.Exit(FOUND)


def _add(total: Verified, verified: Verified) -> None:
    total.streams += verified.streams
    total.commits += verified.commits
    total.events += verified.events
    total.findings += verified.findings
    total.cursor = verified.cursor


def _print(verified: Verified) -> None:
    for finding in verified.findings:
        print_line(
            f"{finding.stream}  position {finding.position}  {finding.kind}: {finding.message}"
        )
