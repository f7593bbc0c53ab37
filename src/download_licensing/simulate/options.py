"""What a simulation and a check are told, each with its unit, default and range."""

from __future__ import annotations

import time
from importlib import resources
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta


class InvalidOptions(ValueError):
    """The options cannot be used; the message says which and why."""


def new_run_name() -> str:
    """A name that no earlier run had: the time of day, in seconds."""
    return f"sim{int(time.time()):x}"


def shipped_catalogue() -> Path:
    """The catalogue that the service uses when it is told no other."""
    return Path(str(resources.files("download_licensing") / "catalogue.yaml"))


def shipped_policy() -> Path:
    """The policy that the service begins with when it is told no other."""
    return Path(str(resources.files("download_licensing") / "policy.yaml"))


def _shipped_policies() -> tuple[Path, ...]:
    return (shipped_policy(),)


DEFAULT_URL = "http://127.0.0.1:8080"
Url = Annotated[str, Meta(pattern=r"^https?://[^/]+/?$")]
Policies = Annotated[tuple[Path, ...], Meta(min_length=1, max_length=100)]
Connections = Annotated[int, Meta(ge=1, le=1_000)]


class SimulationOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to run a simulation.

    Attributes:
        urls: of the running service; several processes of it on one store take turns.
        catalogue: that the service uses.
        policies: that it decides by, the first first; those after the first are published.
        run: customer ids begin with it.
        seed: of the population.
        members: how many.
        actions_per_member: mean number of requests of one member.
        days: length of the simulated calendar.
        zipf_exponent: how strongly a few titles are preferred; 0: not at all.
        withdrawals: titles that operators withdraw for some weeks, at most half of all.
        connections: most requests in flight.
        timeout_s: how long one attempt waits for its answer.
        patience_s: how long an unanswered request is repeated under its key.
        duration_max_s: after which no new step is begun.
        journal: the file to record in; it is replaced.
        progress: whether to draw a progress bar on standard error, if that is a terminal.
    """

    urls: Annotated[tuple[Url, ...], Meta(min_length=1, max_length=100)] = (DEFAULT_URL,)
    catalogue: Path = msgspec.field(default_factory=shipped_catalogue)
    policies: Policies = msgspec.field(default_factory=_shipped_policies)
    run: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_~-]{1,40}$")] = msgspec.field(
        default_factory=new_run_name
    )
    seed: int = 1
    members: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    actions_per_member: Annotated[int, Meta(ge=1, le=10_000)] = 40
    days: Annotated[int, Meta(ge=1, le=3_650)] = 400
    zipf_exponent: Annotated[float, Meta(ge=0, le=5)] = 1.1
    withdrawals: Annotated[int, Meta(ge=0, le=1_000)] = 4
    connections: Connections = 32
    timeout_s: Annotated[float, Meta(gt=0, le=600)] = 10
    patience_s: Annotated[float, Meta(ge=0, le=3_600)] = 60
    duration_max_s: Annotated[float, Meta(gt=0, le=86_400)] = 3_600
    journal: Path
    progress: bool = True


class CheckOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to check what was recorded.

    Attributes:
        catalogue: that the service used.
        policies: that it decided by, the first first.
        url: of the running service, to fetch histories from; not used with an export.
        export: a file that `download-licensing export` wrote; None: fetch over HTTP.
        journal: of a simulation; None: check the events of the export alone.
        connections: histories fetched at once.
        timeout_s: how long one attempt waits for its answer.
        findings_max: findings kept with all their details; all are counted.
        progress: whether to draw a progress bar on standard error, if that is a terminal.
    """

    catalogue: Path = msgspec.field(default_factory=shipped_catalogue)
    policies: Policies = msgspec.field(default_factory=_shipped_policies)
    url: Url = DEFAULT_URL
    export: Path | None = None
    journal: Path | None = None
    connections: Connections = 8
    timeout_s: Annotated[float, Meta(gt=0, le=600)] = 30
    findings_max: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    progress: bool = True

    def __post_init__(self) -> None:
        if self.export is None and self.journal is None:
            raise InvalidOptions("Name a journal, an export, or both.")
