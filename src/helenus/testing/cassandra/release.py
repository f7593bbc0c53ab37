"""Which Cassandra is run: this is the one place that names its version.

``artifacts.lock``, beside this file, lists what belongs to it; ``python -m
helenus.testing.cassandra.resolution`` writes that file anew after a change here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

VERSION = "5.0.9"
IMAGE = f"cassandra:{VERSION}"
COORDINATE = f"org.apache.cassandra:cassandra-all:{VERSION}"

LOCK = Path(__file__).with_name("artifacts.lock")


@dataclass(frozen=True, slots=True, order=True)
class Artifact:
    """A published file.

    Attributes:
        group: who publishes it.
        name: of the artifact in the group.
        version: of the artifact.
        classifier: which of its files, or "".
        sha256: of its bytes, in hexadecimal.
    """

    group: str
    name: str
    version: str
    classifier: str = ""
    sha256: str = ""

    @property
    def file_name(self) -> str:
        """As it is called in a repository and here."""
        return "-".join(filter(None, (self.name, self.version, self.classifier))) + ".jar"

    @property
    def coordinate(self) -> str:
        """``group:name:version`` or ``group:name:version:classifier``."""
        return ":".join(filter(None, (self.group, self.name, self.version, self.classifier)))


def locked_artifacts() -> tuple[Artifact, ...]:
    """All that a node needs, as it was when the lock was written."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return tuple(_parse(line) for line in lines if line and not line.startswith("#"))


def _parse(line: str) -> Artifact:
    coordinate, sha256 = line.split()
    group, name, version, *rest = coordinate.split(":")
    return Artifact(group, name, version, "".join(rest), sha256)
