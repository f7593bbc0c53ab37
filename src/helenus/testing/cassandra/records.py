"""What is noted in a cluster's directory, so that a later process can take the cluster over."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import msgspec

from helenus.testing.cassandra.configuration import NodeDirectory
from helenus.testing.cassandra.errors import InvalidClusterOptions
from helenus.testing.cassandra.options import NODE_COUNTS, ClusterOptions


class ClusterRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster as it was last started.

    Attributes:
        version: of Cassandra.
        runner: what runs its nodes, by name.
        options: with the ports that were picked.
    """

    version: str
    runner: str
    options: ClusterOptions

    def write(self, directory: Path) -> None:
        """Note it down, wholly or not at all."""
        text = msgspec.json.format(msgspec.json.encode(self), indent=2)
        arriving = directory / "cluster.json.arriving"
        arriving.write_bytes(text)
        arriving.rename(directory / "cluster.json")

    @classmethod
    def read(cls, directory: Path) -> ClusterRecord | None:
        """What was noted; None where nothing was.

        Raises:
            InvalidClusterOptions: it cannot be read.
        """
        path = directory / "cluster.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise InvalidClusterOptions(
                f"{path} cannot be read: {error}.",
                remedy="Remove the directory, or name another.",
            ) from None


def remove(directory: Path) -> None:
    """Delete a cluster's files with all data, and the directory if nothing else is in it."""
    for number in range(1, max(NODE_COUNTS) + 1):
        shutil.rmtree(NodeDirectory(directory, number).path, ignore_errors=True)
    for name in ("cluster.json", "cluster.json.arriving", "lock", "owner", "owner.arriving"):
        (directory / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        directory.rmdir()
