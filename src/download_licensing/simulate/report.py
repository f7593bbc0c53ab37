"""What a simulation did: counts, latencies, and everything that was against the contract."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Any

import msgspec

from download_licensing.simulate.calls import Call
from download_licensing.simulate.oracle import answers
from download_licensing.simulate.oracle.answers import Body

VIOLATIONS_KEPT_MAX = 50


class Latencies(msgspec.Struct, frozen=True):
    """Times from sending a request to having its answer, in milliseconds."""

    p50_ms: float
    p99_ms: float
    max_ms: float


class Report:
    """Counts while the simulation runs.

    Attributes:
        done: answered calls that did something new, by what they did.
        refusals: refused requests and renewals, by the first reason.
        problems: other problems that were right, by type.
        replays: answers to commands that were sent again under their key and had taken effect.
        unavailable: answers of 503, each retried under the same key.
        unreachable: attempts that got no answer, each retried under the same key.
        unanswered: requests that were given up.
        violations: answers against the contract; `violation_samples` has the first of them.
        duration_s: how long it ran, in seconds.
        stopped: why it ended before the calendar did; "" if it did not.
    """

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()
        self.replays = 0
        self.unavailable = 0
        self.unreachable = 0
        self.unanswered = 0
        self.violations = 0
        self.violation_samples: list[str] = []
        self.duration_s = 0.0
        self.stopped = ""
        self._latencies_ms = array("d")

    @property
    def requests(self) -> int:
        """Requests that were answered, without 503."""
        return len(self._latencies_ms)

    @property
    def requests_per_s(self) -> float:
        """Answered requests per second."""
        return self.requests / self.duration_s if self.duration_s else 0.0

    @property
    def sound(self) -> bool:
        """Whether every request was answered, and as the contract says."""
        return not self.violations and not self.unanswered

    def answered(self, call: Call, body: Body, latency_ms: float) -> None:
        """Count an answer that the contract allows."""
        self._latencies_ms.append(latency_ms)
        match body:
            case answers.Refusal(reason=reason):
                self.refusals[reason] += 1
            case answers.Problem(type=kind):
                self.problems[kind.rpartition("/")[2]] += 1
            case _ if call.repeats:
                self.replays += 1
            case _:
                self.done[call.kind] += 1

    def violated(self, what: str, latency_ms: float) -> None:
        """Count an answer that the contract does not allow."""
        self._latencies_ms.append(latency_ms)
        self.violations += 1
        if len(self.violation_samples) < VIOLATIONS_KEPT_MAX:
            self.violation_samples.append(what)

    def latencies(self) -> Latencies:
        """Over all answered requests."""
        ordered = sorted(self._latencies_ms) or [0.0]

        def rank(share: float) -> float:
            return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)

        return Latencies(rank(0.50), rank(0.99), rank(1.0))

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "requests": self.requests,
            "requests_per_s": round(self.requests_per_s, 1),
            "duration_s": round(self.duration_s, 3),
            "latency_ms": msgspec.to_builtins(self.latencies()),
            "done": dict(self.done),
            "refusals": dict(self.refusals),
            "problems": dict(self.problems),
            "replays": self.replays,
            "unavailable": self.unavailable,
            "unreachable": self.unreachable,
            "unanswered": self.unanswered,
            "violations": self.violations,
            "violation_samples": self.violation_samples,
            "stopped": self.stopped,
        }
