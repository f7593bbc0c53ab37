"""Writes ``artifacts.lock`` anew: resolves the release's dependencies and notes each checksum.

Run as ``python -m helenus.testing.cassandra.resolution``; only a change of the version needs it.
"""

from __future__ import annotations

import hashlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from jgo.maven import Dependency, MavenContext, PythonResolver

from helenus.testing.cassandra.release import COORDINATE, LOCK, Artifact

HEADER = f"""\
# What {COORDINATE} needs at run time, with the SHA-256 of each file.
# Written by `python -m helenus.testing.cassandra.resolution`.
"""


def resolve(repository: Path) -> list[Artifact]:
    """Find and fetch the release with all its run-time dependencies.

    Args:
        repository: where the files are put.
    """
    context = MavenContext(resolver=PythonResolver(), repo_cache=repository, timeout=60)
    inputs, transitive = context.resolver.resolve([context.create_dependency(COORDINATE)])
    with ThreadPoolExecutor(max_workers=8) as threads:
        return sorted(threads.map(_locked, [*inputs, *transitive]))


def _locked(dependency: Dependency) -> Artifact:
    artifact = Artifact(
        dependency.groupId, dependency.artifactId, dependency.version, dependency.classifier
    )
    content = dependency.artifact.resolve().read_bytes()
    return replace(artifact, sha256=hashlib.sha256(content).hexdigest())


def main() -> None:
    """Resolve in an empty folder, so that nothing stale gets in, and write the lock."""
    with tempfile.TemporaryDirectory() as repository:
        artifacts = resolve(Path(repository))
    lines = [f"{artifact.coordinate} {artifact.sha256}\n" for artifact in artifacts]
    LOCK.write_text(HEADER + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
