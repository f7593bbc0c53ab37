"""For the tests of programs that use helenus, and of adapters of its store port.

`Scenario` tells what a domain does in given, when, then. `MockClock` is a clock that a test moves,
`FaultyStore` a store that fails on demand, `CountingStore` one that counts what it is asked;
`RecordingStore` and `violations` judge concurrent histories. Fixtures for pytest are in
`helenus.testing.fixtures`, the conformance suite for stores in `helenus.testing.conformance`, and
golden histories of events in `helenus.testing.golden`.
"""

from helenus.testing.chance import ByChance
from helenus.testing.clock import MockClock
from helenus.testing.counting import Calls, CountingStore
from helenus.testing.faults import (
    Call,
    ConflictOnce,
    Delay,
    Duplicate,
    FailAfter,
    FailBefore,
    FailLate,
    FailUnknownBefore,
    Fault,
    FaultyStore,
    Hold,
    Operation,
)
from helenus.testing.histories import History, RecordingStore, violations
from helenus.testing.scenarios import Addressed, Scenario, at

__all__ = [
    "Addressed",
    "ByChance",
    "Call",
    "Calls",
    "ConflictOnce",
    "CountingStore",
    "Delay",
    "Duplicate",
    "FailAfter",
    "FailBefore",
    "FailLate",
    "FailUnknownBefore",
    "Fault",
    "FaultyStore",
    "History",
    "Hold",
    "MockClock",
    "Operation",
    "RecordingStore",
    "Scenario",
    "at",
    "violations",
]
