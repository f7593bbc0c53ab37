"""The titles of the service on paper: what is withdrawn, and the stream that says so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from download_licensing.simulate.oracle import RecordedEvent
from download_licensing.simulate.oracle.withdrawals import Spans

RECORDED_AT = datetime(2030, 1, 1, tzinfo=UTC)
Answer = dict[str, Any]


class TitlesOnPaper:
    """Withdraws and reinstates titles, each process knowing of it at once."""

    def __init__(self) -> None:
        self.events: list[RecordedEvent] = []
        self.withdrawn: dict[str, Spans] = {}
        self._reasons: dict[str, str] = {}
        self._answers: dict[str, Answer] = {}

    def withdraw(self, title_id: str, key: str, at: datetime, reason: str) -> Answer:
        if key not in self._answers and title_id not in self._reasons:
            self._reasons[title_id] = reason
            self.withdrawn = {
                **self.withdrawn,
                title_id: (*self.withdrawn.get(title_id, ()), (at, None)),
            }
            self._record(title_id, key, "title-withdrawn", {"reason": reason, "at": at})
        return self._answers.get(key) or self._standing(title_id)

    def reinstate(self, title_id: str, key: str, at: datetime) -> Answer:
        if key not in self._answers and title_id in self._reasons:
            del self._reasons[title_id]
            *before, (since, _) = self.withdrawn[title_id]
            self.withdrawn = {**self.withdrawn, title_id: (*before, (since, at))}
            self._record(title_id, key, "title-reinstated", {"at": at})
        return self._answers.get(key) or self._standing(title_id)

    def _standing(self, title_id: str) -> Answer:
        reason = self._reasons.get(title_id)
        since = self.withdrawn[title_id][-1][0] if reason else None
        return {"title_id": title_id, "withdrawn_at": since, "reason": reason}

    def _record(self, title_id: str, key: str, name: str, data: dict[str, Any]) -> None:
        position = len(self.events) + 1
        self.events.append(
            RecordedEvent(
                position=position,
                aggregate_type="title-withdrawal",
                aggregate_id=title_id,
                name=name,
                commit_id=f"titles-{position}",
                recorded_at=RECORDED_AT + timedelta(seconds=position),
                command_id=key,
                data=msgspec.Raw(msgspec.json.encode(data)),
            )
        )
        self._answers[key] = self._standing(title_id)
