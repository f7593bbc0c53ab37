"""Runs nodes as containers of Docker's official image.

Each container is on the host's network and runs the very command line that a process of ours would
have, on the image's Java and jars, in the node's own directory: so a node looks and behaves alike
either way, down to its address and its log.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

from helenus.testing.cassandra.configuration import NodeDirectory, java_arguments
from helenus.testing.cassandra.errors import (
    ArtifactsUnavailable,
    ClusterNotRunning,
    NodeFailed,
    RuntimeMissing,
)
from helenus.testing.cassandra.options import ClusterOptions
from helenus.testing.cassandra.progress import Progress, Step
from helenus.testing.cassandra.release import IMAGE
from helenus.testing.cassandra.runners import Life

# Of the image: where it keeps Cassandra's jars, and which Java it brings.
IMAGE_LIBRARIES = Path("/opt/cassandra/lib")
IMAGE_JAVA_MAJOR = 17

ANSWER_TIMEOUT_S = 60.0
PULL_TIMEOUT_S = 1200.0

_LIVES = {"running": Life.RUNNING, "restarting": Life.RUNNING, "paused": Life.PAUSED}


def usable_engine() -> bool:
    """Whether an engine runs here whose containers can listen on this machine's loopback.

    Docker Desktop's live in a virtual machine and a rootless engine's in a network of their own:
    their "host" network is not ours.
    """
    try:
        info = json.loads(_docker("info", "--format", "{{json .}}", timeout_s=15.0))
    except (NodeFailed, RuntimeMissing, ValueError):
        return False
    if not isinstance(info, dict) or info.get("ServerErrors") or info.get("OSType") != "linux":
        return False
    rootless = any("rootless" in option for option in info.get("SecurityOptions") or ())
    return not rootless and info.get("OperatingSystem") != "Docker Desktop"


class DockerContainers:
    """Runs nodes as containers."""

    name = "docker"

    def prepare(self, progress: Progress) -> None:
        """Pull the image unless it is there.

        Raises:
            RuntimeMissing: there is no engine that can run it here.
            ArtifactsUnavailable: the image cannot be pulled.
        """
        if not usable_engine():
            raise RuntimeMissing("There is no Docker engine whose host network is this machine's.")
        progress(Step(f"Looking for the image {IMAGE}"))
        if _docker("image", "ls", "--quiet", IMAGE).strip():
            return
        progress(Step(f"Pulling the image {IMAGE}"))
        try:
            _docker("pull", "--quiet", IMAGE, timeout_s=PULL_TIMEOUT_S)
        except NodeFailed as error:
            raise ArtifactsUnavailable(f"Cannot pull {IMAGE}. {error}") from None

    def start(self, node: NodeDirectory, options: ClusterOptions) -> None:
        """Run the node's container anew; its data are in its directory."""
        self.kill(node)
        _docker(*run_arguments(node, options))

    def life(self, node: NodeDirectory) -> Life:
        """What the container is doing."""
        try:
            state = _docker("inspect", "--format", "{{.State.Status}}", container(node))
        except NodeFailed:
            return Life.ENDED
        return _LIVES.get(state.strip(), Life.ENDED)

    def pid(self, node: NodeDirectory) -> int | None:
        """The process id on the host."""
        if self.life(node) is Life.ENDED:
            return None
        return int(_docker("inspect", "--format", "{{.State.Pid}}", container(node)))

    def kill(self, node: NodeDirectory) -> None:
        """Kill the container and remove it."""
        if _docker("ps", "--all", "--quiet", "--filter", f"name=^{container(node)}$").strip():
            self._keep_output(node)
            _docker("rm", "--force", container(node))

    def stop(self, node: NodeDirectory, timeout_s: float) -> None:
        """Have the node flush and end, then remove the container."""
        if self.life(node) is Life.PAUSED:
            _docker("unpause", container(node))
        if self.life(node) is Life.RUNNING:
            limit = f"--time={timeout_s:.0f}"
            _docker("stop", limit, container(node), timeout_s=timeout_s + ANSWER_TIMEOUT_S)
        self.kill(node)

    def pause(self, node: NodeDirectory) -> None:
        """Freeze the container.

        Raises:
            ClusterNotRunning: it does not run.
        """
        self._must_live(node)
        _docker("pause", container(node))

    def resume(self, node: NodeDirectory) -> None:
        """Let the container go on.

        Raises:
            ClusterNotRunning: it does not run.
        """
        self._must_live(node)
        _docker("unpause", container(node))

    def _must_live(self, node: NodeDirectory) -> None:
        if self.life(node) is Life.ENDED:
            raise ClusterNotRunning(f"Node {node.number} in {node.path} is not running.")

    def _keep_output(self, node: NodeDirectory) -> None:
        node.output.parent.mkdir(parents=True, exist_ok=True)
        node.output.write_text(_docker("logs", container(node)), encoding="utf-8")


def container(node: NodeDirectory) -> str:
    """The name of a node's container, by its directory."""
    digest = hashlib.sha256(str(node.path).encode()).hexdigest()[:12]
    return f"helenus-cassandra-{digest}-{node.number}"


def run_arguments(node: NodeDirectory, options: ClusterOptions) -> list[str]:
    """``docker``'s arguments that start a node."""
    arguments = java_arguments(node, options, libraries=IMAGE_LIBRARIES, major=IMAGE_JAVA_MAJOR)
    command = [*options.wrapper, "java", *arguments]
    return [
        "run",
        "--detach",
        f"--name={container(node)}",
        f"--label=helenus.node={node.path}",
        "--network=host",
        f"--user={os.getuid()}:{os.getgid()}",
        f"--volume={node.path}:{node.path}",
        "--ulimit=nofile=100000",
        f"--entrypoint={command[0]}",
        IMAGE,
        *command[1:],
    ]


def _docker(*arguments: str, timeout_s: float = ANSWER_TIMEOUT_S) -> str:
    try:
        answer = subprocess.run(
            ["docker", *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            check=True,
        )
    except FileNotFoundError:
        raise RuntimeMissing("There is no docker command.") from None
    except subprocess.CalledProcessError as error:
        if "Cannot connect to the Docker daemon" in error.stderr:
            raise RuntimeMissing("No Docker engine runs here.") from None
        raise NodeFailed(f"docker {arguments[0]}: {error.stderr.strip()}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NodeFailed(f"docker {arguments[0]}: {error}") from None
    return answer.stdout
