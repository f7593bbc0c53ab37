"""How a member's commands reach the service: with keys, repeated, at once, keys used wrongly."""

from __future__ import annotations

import random
from collections.abc import Generator
from datetime import datetime, timedelta

import msgspec

from download_licensing.simulate.agenda import Agenda, Intent
from download_licensing.simulate.calls import Answer, Call, Life, Step

# How often a command is sent several times at once, again later, its key for another command.
_AT_ONCE_ODDS = 0.04
_AGAIN_ODDS = 0.05
_KEY_REUSED_ODDS = 0.01

Exchange = Generator[Step, list[Answer], list[Answer]]


class Speech:
    """Sends calls and counts them.

    Args:
        customer_id: whose.
        rng: draws the retries.
        agenda: takes the retries that come later.
        requests_max: calls in all.
    """

    def __init__(
        self, customer_id: str, rng: random.Random, agenda: Agenda, requests_max: int
    ) -> None:
        self._customer_id = customer_id
        self._rng = rng
        self._agenda = agenda
        self._left = requests_max
        self._keys = 0

    @property
    def exhausted(self) -> bool:
        """Whether the member has said all that it may."""
        return self._left <= 0

    def call(self, at: datetime, **about: object) -> Call:
        """A call; every command gets a key of its own, a query none."""
        key = ""
        if about["kind"] not in {"license", "devices", "allowance"}:
            self._keys += 1
            key = f"{self._customer_id}-{self._keys}"
        return msgspec.convert(
            {"customer_id": self._customer_id, "at": at, "key": key, **about}, Call
        )

    def say(self, call: Call) -> Generator[Step, list[Answer], Answer]:
        """Send one call, now and then several times at once; the answer that counts."""
        copies = self._rng.choice((2, 3)) if self._rng.random() < _AT_ONCE_ODDS else 1
        copied = [repeated(call)] * (copies - 1)
        answers = yield from self.say_at_once([call, *copied])
        answer = next((a for a in answers if a.status in {200, 201}), answers[0])
        self._plan_mischief(call, answer)
        return answer

    def say_at_once(self, calls: list[Call]) -> Exchange:
        """Send calls at the same instant."""
        self._left -= len(calls)
        return (yield Step(calls[0].at, tuple(calls)))

    def _plan_mischief(self, call: Call, answer: Answer) -> None:
        if not call.key:
            return
        if self._rng.random() < _AGAIN_ODDS:
            later = self._rng.choice((0, 0, 1, 3600, 2 * 86400))
            self._agenda.add(call.at + timedelta(seconds=later), self._again(call))
        took_effect = call.kind in {"request", "renew"} and answer.status in {200, 201}
        if took_effect and self._rng.random() < _KEY_REUSED_ODDS:
            self._agenda.add(call.at + timedelta(minutes=5), self._reuse_key(call))

    def _again(self, call: Call) -> Intent:
        """The same command once more, under the same key."""

        def intent(at: datetime) -> Life:
            yield from self.say_at_once([msgspec.structs.replace(repeated(call), at=at)])

        return intent

    def _reuse_key(self, call: Call) -> Intent:
        """The key of a grant or renewal once more, for a download on another device."""

        def intent(at: datetime) -> Life:
            other = f"{call.device_id}-other"
            wrong = msgspec.structs.replace(
                call, kind="request", at=at, device_id=other, license_id="", reuses_key=True
            )
            yield from self.say_at_once([wrong])

        return intent


def repeated(call: Call) -> Call:
    """The same, said again."""
    return msgspec.structs.replace(call, repeats=True)
