"""The ways to run nodes, by name."""

from __future__ import annotations

from helenus.testing.cassandra.docker import DockerContainers, usable_engine
from helenus.testing.cassandra.errors import InvalidClusterOptions
from helenus.testing.cassandra.processes import JavaProcesses
from helenus.testing.cassandra.runners import Runner

RUNNERS: dict[str, type[Runner]] = {
    JavaProcesses.name: JavaProcesses,
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
    return DockerContainers() if usable_engine() else JavaProcesses()
