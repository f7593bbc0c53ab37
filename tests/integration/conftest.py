"""What all integration tests share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _data_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A service whose settings name no data directory keeps its keys in one of the tests'."""
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("data")
        patch.setenv("DOWNLOAD_LICENSING_DATA_DIRECTORY", str(directory))
        yield
