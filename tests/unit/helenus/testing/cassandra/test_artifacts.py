import hashlib
from pathlib import Path
from typing import Any

import pytest
from jgo.maven import PythonResolver

from helenus.testing.cassandra import artifacts
from helenus.testing.cassandra.artifacts import libraries
from helenus.testing.cassandra.errors import ArtifactsUnavailable
from helenus.testing.cassandra.progress import Step
from helenus.testing.cassandra.release import COORDINATE, VERSION, Artifact, locked_artifacts

CONTENT = {"one": b"first", "two": b"second"}
LOCKED = tuple(
    Artifact("a.group", name, "1.0", "native", hashlib.sha256(content).hexdigest())
    for name, content in CONTENT.items()
)


class Publisher:
    """Serves files as the resolver would fetch them."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = dict(CONTENT)
        self.fetched: list[str] = []
        self.failures = 0

    def download(self, artifact: Any) -> Path:
        self.fetched.append(artifact.artifactId)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("it is not there")
        path: Path = artifact.cached_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content[artifact.artifactId])
        return path


@pytest.fixture
def publisher(commands: Path, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    publisher = Publisher()
    monkeypatch.setattr(artifacts, "locked_artifacts", lambda: LOCKED)
    monkeypatch.setattr(PythonResolver, "download", publisher.download)
    return publisher


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_lock_belongs_to_the_version() -> None:
    locked = locked_artifacts()
    assert len(locked) == 100
    assert COORDINATE in [artifact.coordinate for artifact in locked]
    assert all(len(artifact.sha256) == 64 for artifact in locked)
    assert len({artifact.file_name for artifact in locked}) == 100


def test_all_files_arrive_and_progress_is_told(publisher: Publisher) -> None:
    steps: list[Step] = []
    folder = libraries(steps.append)
    assert folder.name.startswith(f"{VERSION}-")
    assert names(folder) == ["one-1.0-native.jar", "two-1.0-native.jar"]
    assert [(step.done, step.total) for step in steps] == [(0, 2), (1, 2), (2, 2)]


def test_what_has_been_fetched_is_not_fetched_again(publisher: Publisher) -> None:
    assert libraries() == libraries()
    assert sorted(publisher.fetched) == ["one", "two"]


def test_a_failed_fetch_is_tried_again(publisher: Publisher) -> None:
    publisher.failures = 2
    assert len(names(libraries())) == 2


def test_a_file_that_is_not_the_published_one_is_refused(publisher: Publisher) -> None:
    publisher.content["two"] = b"something else"
    with pytest.raises(ArtifactsUnavailable, match=r"a.group:two:1.0:native: its SHA-256"):
        libraries()
    publisher.content["two"] = b"second"
    assert len(names(libraries())) == 2


def test_a_fetch_that_was_cut_off_goes_on_where_it_stopped(publisher: Publisher) -> None:
    publisher.content["two"] = b"seco"
    with pytest.raises(ArtifactsUnavailable):
        libraries()
    publisher.content["two"] = b"second"
    publisher.fetched.clear()
    libraries()
    assert publisher.fetched == ["two"]


def test_a_file_missing_from_the_cache_is_fetched(publisher: Publisher) -> None:
    folder = libraries()
    (folder / "one-1.0-native.jar").unlink()
    assert len(names(libraries())) == 2


def test_a_file_that_cannot_be_had_is_named(publisher: Publisher) -> None:
    publisher.failures = 1000
    with pytest.raises(ArtifactsUnavailable, match=r"Cannot fetch a.group:.*it is not there"):
        libraries()
