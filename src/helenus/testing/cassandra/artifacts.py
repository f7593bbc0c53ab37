"""Cassandra's files, fetched once and kept: a cache that is either whole and checked, or not there.

Files arrive in a folder of their own, each checked against the lock. Only when all are there is
that folder renamed to its final name, so whoever finds that name finds everything. A fetch that was
cut off goes on where it stopped; two processes do not fetch at once.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from helenus.testing.cassandra.errors import ArtifactsUnavailable
from helenus.testing.cassandra.locations import cache_home, exclusive
from helenus.testing.cassandra.progress import Progress, Step, silent
from helenus.testing.cassandra.release import LOCK, VERSION, Artifact, locked_artifacts

PARALLEL_FETCHES = 8
ATTEMPTS = 3
FETCH_TIMEOUT_S = 60
WAIT_FOR_OTHER_S = 600.0


def libraries(progress: Progress = silent) -> Path:
    """The folder with all of Cassandra's jars, fetched now if this machine has none yet.

    Raises:
        ArtifactsUnavailable: a file cannot be had, or is not the one that was published.
        DirectoryBusy: another process has been fetching for ten minutes.
    """
    artifacts = locked_artifacts()
    # Named for the lock as well: another list of files is another folder.
    edition = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    target = cache_home() / f"{VERSION}-{edition}"
    if _is_whole(target, artifacts):
        return target
    with exclusive(
        target.with_name(f"{target.name}.lock"),
        wait_s=WAIT_FOR_OTHER_S,
        holder=f"fetching Cassandra {VERSION}",
    ):
        if not _is_whole(target, artifacts):
            _populate(target, artifacts, progress)
    return target


def _is_whole(folder: Path, artifacts: tuple[Artifact, ...]) -> bool:
    return all((folder / artifact.file_name).is_file() for artifact in artifacts)


def _populate(target: Path, artifacts: tuple[Artifact, ...], progress: Progress) -> None:
    repository = target.with_name(f"{target.name}.repository")
    arriving = target.with_name(f"{target.name}.arriving")
    shutil.rmtree(arriving, ignore_errors=True)
    arriving.mkdir(parents=True)
    text = f"Fetching Cassandra {VERSION}"
    progress(Step(text, 0, len(artifacts)))
    with ThreadPoolExecutor(PARALLEL_FETCHES) as threads:
        fetches = [threads.submit(_fetch, artifact, repository) for artifact in artifacts]
        try:
            for done, fetch in enumerate(as_completed(fetches), start=1):
                fetch.result()
                progress(Step(text, done, len(artifacts)))
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    for artifact, fetch in zip(artifacts, fetches, strict=True):
        fetch.result().rename(arriving / artifact.file_name)
    shutil.rmtree(target, ignore_errors=True)
    arriving.rename(target)
    shutil.rmtree(repository)


def _fetch(artifact: Artifact, repository: Path) -> Path:
    """Where the checked file is. What an earlier run left is kept if it is right."""
    if importlib.util.find_spec("jgo") is None:
        raise ArtifactsUnavailable(
            f"Cassandra {VERSION} has not been fetched yet, and jgo, which fetches it, is missing.",
            remedy="Install helenus[cassandra-local].",
        )
    # Imported late: it takes a while, and who has the files does not need it.
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415

    context = MavenContext(
        resolver=PythonResolver(), repo_cache=repository, timeout=FETCH_TIMEOUT_S
    )
    trouble = ""
    for _ in range(ATTEMPTS):
        try:
            path = context.create_dependency(artifact.coordinate).artifact.resolve()
        except (OSError, RuntimeError) as error:
            trouble = str(error)
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() == artifact.sha256:
            return path
        trouble = "its SHA-256 is not the one in artifacts.lock"
        path.unlink()
    raise ArtifactsUnavailable(
        f"Cannot fetch {artifact.coordinate}: {trouble}.",
        remedy="It comes from Maven Central: is the network there? What has arrived is kept.",
    )
