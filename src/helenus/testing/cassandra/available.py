"""The ways to run nodes, by name."""

from __future__ import annotations

from collections.abc import Callable

from helenus.testing.cassandra.docker import DockerContainers, usable_engine
from helenus.testing.cassandra.errors import InvalidClusterOptions
from helenus.testing.cassandra.runners import Runner


def _java_processes() -> Runner:
    """They need psutil; the `helenus` command has uses that do without."""
    from helenus.testing.cassandra.processes import JavaProcesses  # noqa: PLC0415  # see above

    return JavaProcesses()


RUNNERS: dict[str, Callable[[], Runner]] = {
    "java": _java_processes,
    DockerContainers.name: DockerContainers,
}


def runner_named(name: str) -> Runner:
    """The runner of a name.

    Raises:
        InvalidClusterOptions: there is none.
    """
    if name not in RUNNERS:
        raise InvalidClusterOptions(f"{name!r} runs no nodes; {' and '.join(RUNNERS)} do.")
    return RUNNERS[name]()


def default_runner() -> Runner:
    """Docker where an engine can run nodes here, else processes of our own."""
    return DockerContainers() if usable_engine() else _java_processes()
