"""What was ever recorded keeps its meaning."""

from pathlib import Path

from download_licensing.service.licensing import AGGREGATES
from helenus.testing.golden import check

GOLDEN = Path(__file__).parent / "golden"


def test_what_was_ever_recorded_is_read_as_what_it_meant() -> None:
    checked = check(GOLDEN, AGGREGATES)

    assert checked.histories == len(list(GOLDEN.glob("*.json")))
