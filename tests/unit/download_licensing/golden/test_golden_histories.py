"""What the service ever stored is read by today's code, and means what it meant."""

from __future__ import annotations

from pathlib import Path

from download_licensing.service.licensing import STORED_AGGREGATES
from helenus.testing.golden import check, record
from tests.unit.download_licensing.golden.samples import SAMPLES

HISTORIES = Path(__file__).parent / "histories"


def test_what_was_ever_recorded_keeps_its_meaning() -> None:
    check(HISTORIES, STORED_AGGREGATES)


def test_what_is_recorded_today_is_in_the_last_generation(tmp_path: Path) -> None:
    """If this fails, what is stored has changed: record the next generation, as samples.py says."""
    for path in HISTORIES.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())

    assert record(tmp_path, STORED_AGGREGATES, SAMPLES) == []
