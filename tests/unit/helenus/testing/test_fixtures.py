"""The fixtures of the kit, as a project uses them: in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.docs.pages import ROOT, blocks, script_of

CONFTEST = 'pytest_plugins = ["helenus.testing.fixtures"]\n'
OPTIONS = [
    *("-p", "no:cacheprovider"),
    *("-o", "asyncio_mode=auto"),
    *("-o", "asyncio_default_fixture_loop_scope=function"),
]


def run_pytest(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *OPTIONS],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return ran.stdout + ran.stderr


@pytest.mark.timeout(120)
def test_the_tests_on_the_page_about_testing_pass(tmp_path: Path) -> None:
    page = ROOT / "docs" / "guides" / "testing.md"
    parts = [block for block in blocks(page) if block.language == "python"]
    shown = run_pytest(tmp_path, test_page=script_of(parts))
    assert " passed" in shown, shown
    assert "failed" not in shown, shown
    assert "error" not in shown, shown


USES = """

async def test_they_stand_on_one_another(
    repository, counting_store, faulty_store, event_store, memory_store, mock_clock
):
    await repository.load("s")
    assert counting_store.calls.made
    assert faulty_store.calls == counting_store.calls.counts
    assert event_store is memory_store
    mock_clock.advance(5)

async def test_each_test_has_its_own(counting_store, mock_clock, sqlite_store, tmp_path):
    assert counting_store.calls.made == []
    assert mock_clock.now.second == 0
    assert (await sqlite_store.head("s")).position == 0
    assert list(tmp_path.glob("*.db"))
"""


@pytest.mark.timeout(120)
def test_a_project_is_told_to_name_its_aggregates(tmp_path: Path) -> None:
    shown = run_pytest(tmp_path, conftest=CONFTEST, test_uses=USES)
    assert "Define a fixture `aggregates`" in shown, shown
    assert "1 passed, 1 error" in shown, shown


@pytest.mark.timeout(120)
def test_fixtures_stand_on_one_another(tmp_path: Path) -> None:
    conftest = f"""
import pytest
from helenus import Aggregate, Event, applies
{CONFTEST}
class Seen(Event, name="seen"):
    pass

class Thing(Aggregate, name="thing"):
    @applies
    def seen(self, event: Seen) -> None:
        pass

@pytest.fixture
def aggregates():
    return [Thing]
"""

    shown = run_pytest(tmp_path, conftest=conftest, test_uses=USES)
    assert "2 passed" in shown, shown
