"""Golden histories: records of what was stored, kept with the code, that prove old events are read.

A golden history is a JSON file with the very bytes of a stream's commits and, after each commit,
the state of the aggregates it changed. Check them in. In a test:

    from helenus.testing.golden import check

    def test_what_was_ever_recorded_keeps_its_meaning() -> None:
        check(Path(__file__).parent / "golden", [Account])

It fails where a recorded event cannot be read any more, where the state that follows from it is
another, and where an event of today's version is in no history yet. `record` writes new histories
from samples, `capture` from the streams of a store; neither ever touches one that is there.
`accept` takes over states whose change is meant, and never touches bytes.

The same from the command line, without pytest:

    python -m helenus.testing.golden record --aggregates bank:AGGREGATES --samples bank:SAMPLES DIR
    python -m helenus.testing.golden check --aggregates bank:AGGREGATES DIR
"""

from helenus.testing.golden.checking import Checked, GoldenMismatch, accept, check
from helenus.testing.golden.files import GoldenCommit, GoldenHistory
from helenus.testing.golden.recording import Sample, capture, record

__all__ = [
    "Checked",
    "GoldenCommit",
    "GoldenHistory",
    "GoldenMismatch",
    "Sample",
    "accept",
    "capture",
    "check",
    "record",
]
