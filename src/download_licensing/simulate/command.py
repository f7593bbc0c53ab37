"""The commands `simulate` and `oracle`; the main command line mounts `app`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console

from download_licensing.simulate import (
    INTERRUPTED,
    CheckOptions,
    InvalidOptions,
    Report,
    ServiceUnfit,
    SimulationOptions,
    Verdict,
    check,
    run_simulation,
)
from download_licensing.simulate.histories import HistoryUnavailable
from download_licensing.simulate.options import DEFAULT_URL, new_run_name
from download_licensing.simulate.oracle import UnreadableTerms
from download_licensing.simulate.show import show_report, show_verdict
from download_licensing.simulate.transport import Unreachable

FAILED = 1
UNUSABLE = 2
INTERRUPTED_CODE = 130
_CONNECTIONS_MAX = 1_000

app = typer.Typer(help="Simulate a population against the running service, and judge the result.")
Options = TypeVar("Options", bound=msgspec.Struct)

Url = Annotated[str, typer.Option(help="The running service.")]
Catalogue = Annotated[
    Path | None, typer.Option(help="The catalogue that the service uses. Default: the shipped one.")
]
Policies = Annotated[
    list[Path] | None,
    typer.Option(
        "--policy",
        help="The policy that the service decides by, then later ones, each with its date."
        " Default: the shipped one.",
    ),
]
FindingsShown = Annotated[int, typer.Option(min=1, max=1_000_000, help="Findings printed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


@app.command()
def simulate(
    *,
    url: Annotated[
        list[str] | None,
        typer.Option(
            help="The running service; several times for several processes of it on one store.",
            show_default=DEFAULT_URL,
        ),
    ] = None,
    members: Annotated[int, typer.Option(min=1, max=100_000, help="Members.")] = 1_000,
    actions_per_member: Annotated[
        int, typer.Option(min=1, max=10_000, help="Mean number of requests of a member.")
    ] = 40,
    days: Annotated[
        int, typer.Option(min=1, max=3_650, help="Simulated calendar, days; over 365, caps roll.")
    ] = 400,
    seed: Annotated[int, typer.Option(help="Seed of the population.")] = 1,
    zipf: Annotated[
        float, typer.Option(min=0, max=5, help="Zipf exponent of the choice of titles.")
    ] = 1.1,
    withdrawals: Annotated[
        int, typer.Option(min=0, max=1_000, help="Titles withdrawn from all for some weeks.")
    ] = 4,
    connections: Annotated[
        int, typer.Option(min=1, max=_CONNECTIONS_MAX, help="Most requests in flight.")
    ] = 32,
    timeout_s: Annotated[
        float, typer.Option(min=0.1, max=600, help="Wait for one answer, seconds.")
    ] = 10,
    patience_s: Annotated[
        float,
        typer.Option(
            min=0, max=3_600, help="Seconds for which a request without an answer is sent again."
        ),
    ] = 60,
    duration_max_s: Annotated[
        float, typer.Option(min=1, max=86_400, help="Longest duration, seconds.")
    ] = 3_600,
    run: Annotated[
        str | None, typer.Option(help="Begins the customer ids. Default: a new name each time.")
    ] = None,
    catalogue: Catalogue = None,
    policy: Policies = None,
    journal: Annotated[
        Path | None, typer.Option(help="Records every answer. Default: RUN.journal.jsonl here.")
    ] = None,
    oracle: Annotated[bool, typer.Option(help="Let the oracle judge the result.")] = True,
    findings: FindingsShown = 50,
    as_json: AsJson = False,
) -> None:
    """Drive the running service like a population; then let the oracle judge what it recorded.

    The service has to be started with --rehearsal. Exit code: 0 if all is well, 1 if an answer was
    against the contract or the oracle found something, 2 if it could not be run, 130 after Ctrl-C.
    """
    run = run or new_run_name()
    with _explained():
        options = _options(
            SimulationOptions,
            urls=url,
            members=members,
            actions_per_member=actions_per_member,
            days=days,
            seed=seed,
            zipf_exponent=zipf,
            withdrawals=withdrawals,
            connections=connections,
            timeout_s=timeout_s,
            patience_s=patience_s,
            duration_max_s=duration_max_s,
            run=run,
            journal=str(journal or Path(f"{run}.journal.jsonl")),
            catalogue=catalogue and str(catalogue),
            policies=policy and [str(path) for path in policy],
        )
        report = run_simulation(options)
        interrupted = report.stopped == INTERRUPTED
        verdict = None
        if oracle and not interrupted:
            verdict = check(
                CheckOptions(
                    catalogue=options.catalogue,
                    policies=options.policies,
                    url=options.urls[0],
                    journal=options.journal,
                    findings_max=findings,
                )
            )
    _print(report, verdict, findings, as_json, options.journal)
    if interrupted:
        raise typer.Exit(INTERRUPTED_CODE)
    if not report.sound or (verdict is not None and not verdict.accepted):
        raise typer.Exit(FAILED)


@app.command()
def oracle(
    *,
    journal: Annotated[
        Path | None, typer.Option(help="The journal of a simulation, if there is one.")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(help="What `download-licensing export` wrote. Default: ask the service."),
    ] = None,
    url: Url = DEFAULT_URL,
    catalogue: Catalogue = None,
    policy: Policies = None,
    connections: Annotated[
        int, typer.Option(min=1, max=_CONNECTIONS_MAX, help="Histories fetched at once.")
    ] = 8,
    timeout_s: Annotated[
        float, typer.Option(min=0.1, max=600, help="Wait for one answer, seconds.")
    ] = 30,
    findings: FindingsShown = 50,
    as_json: AsJson = False,
) -> None:
    """Judge what the service recorded: every limit, every time, every acknowledged answer.

    Exit code: 0 if nothing was found, 1 if something was, 2 if it could not be judged.
    """
    with _explained():
        options = _options(
            CheckOptions,
            journal=journal and str(journal),
            export=export and str(export),
            url=url,
            catalogue=catalogue and str(catalogue),
            policies=policy and [str(path) for path in policy],
            connections=connections,
            timeout_s=timeout_s,
            findings_max=findings,
        )
        verdict = check(options)
    _print(None, verdict, findings, as_json, None)
    if not verdict.accepted:
        raise typer.Exit(FAILED)


def _options(kind: type[Options], **given: Any) -> Options:
    """The options of what was given; what was not keeps its default."""
    return msgspec.convert(
        {name: value for name, value in given.items() if value is not None},
        kind,
        dec_hook=lambda to, value: to(value),
    )


def _print(
    report: Report | None,
    verdict: Verdict | None,
    shown_max: int,
    as_json: bool,
    journal: Path | None,
) -> None:
    if as_json:
        parts = {
            "simulation": report and report.as_dict(),
            "oracle": verdict and verdict.as_dict(),
            "journal": journal and str(journal),
        }
        typer.echo(msgspec.json.encode({name: part for name, part in parts.items() if part}))
        return
    console = Console()
    if report is not None:
        show_report(report, console)
    if journal is not None:
        console.print(f"Every answer is recorded in {journal}", markup=False, soft_wrap=True)
    if verdict is not None:
        show_verdict(verdict, console, shown_max)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """What keeps a command from running is said in one sentence, without a traceback."""
    try:
        yield
    except msgspec.ValidationError as error:
        _fail(f"An option does not fit: {error}. See --help for what each takes.")
    except (InvalidOptions, UnreadableTerms, ServiceUnfit) as error:
        _fail(str(error))
    except (HistoryUnavailable, Unreachable) as error:
        _fail(f"The histories could not be fetched: {error}")
    except (OSError, msgspec.DecodeError) as error:
        _fail(f"A file cannot be used: {error}")


def _fail(message: str) -> None:
    typer.echo(f"download-licensing: {message}", err=True)
    raise typer.Exit(UNUSABLE)
