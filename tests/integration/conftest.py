"""What all integration tests share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _data_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A service whose settings name no data directory keeps its keys in one of the module's.

    No longer than that: tests of other levels in the same session have directories of their own.
    """
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("data")
        patch.setenv("DOWNLOAD_LICENSING_DATA_DIRECTORY", str(directory))
        yield
