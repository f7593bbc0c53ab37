"""The exception tree. Every failure of a write says whether the write took effect (G4).

HelenusError
├── DefinitionError       an event, aggregate or upcaster is defined wrongly (raised at import)
├── CommandRefused        a rule of the domain said no; programs derive their refusals from it
├── DomainError           the program used an aggregate in a way its definition forbids
├── InvalidArgument       an id, position or setting outside its documented range
├── CodecError            stored bytes cannot be turned into events, or events into bytes
│   ├── UnknownEvent      a stored event has a name that no registered type carries
│   └── CorruptData       stored bytes are not what was written
├── Conflict              the stream moved on; decide again on its new state
├── CommandIdReused       the command id was first used for another command
├── LimitExceeded         a payload, queue or batch is over its configured bound
├── Overloaded            shed before anything was sent; try again later
├── OutcomeUnreadable     the command took effect, its recorded answer cannot be read
└── StoreError            the store could not do what it was asked
    ├── StoreUnavailable  locked, unreachable, full: nothing was written
    ├── StoreClosed       used before it was opened or after it was closed
    ├── StoreUnusable     the file or schema is damaged, newer than this code, or not ours
    └── OutcomeUnknown    the write may have taken effect; its commit ids resolve it
"""

from __future__ import annotations

import enum
import uuid


class Outcome(enum.Enum):
    """What a failed write left behind."""

    DID_NOT_HAPPEN = "did not happen"
    HAPPENED = "happened"
    MAY_HAVE_HAPPENED = "may have happened"


class HelenusError(Exception):
    """Base of all errors of the framework.

    Attributes:
        outcome: whether the write that failed took effect.
        remedy: what the caller can do next, as a sentence.
    """

    outcome: Outcome = Outcome.DID_NOT_HAPPEN
    remedy: str = ""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        if remedy is not None:
            self.remedy = remedy

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.remedy}" if self.remedy else message


class DefinitionError(HelenusError, TypeError):
    """An event, aggregate or upcaster is defined wrongly; the message names the culprit."""


class CommandRefused(HelenusError):
    """A rule of the domain said no; nothing was written. Programs derive their refusals from it."""


class DomainError(HelenusError):
    """An aggregate was used in a way its definition forbids; nothing was written."""


class InvalidArgument(HelenusError, ValueError):
    """An argument lies outside its documented range; nothing was done."""


class CodecError(HelenusError):
    """Stored bytes cannot be turned into events, or events into bytes."""


class UnknownEvent(CodecError):
    """A stored event carries a name or version that no registered type or upcaster covers."""

    remedy = "Register the aggregate that applies it, or add the upcaster for its version."


class CorruptData(CodecError):
    """Stored bytes are not what was written."""

    remedy = "Restore the stream from a backup; other streams are not affected."


class Conflict(HelenusError):
    """The stream's head is not the one the append expected.

    Attributes:
        stream: the stream.
        expected: the position the append was decided on.
        actual: the position found.
    """

    remedy = "Load the stream again and decide on its new state."

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"Stream {stream!r} is at position {actual}, not {expected}.")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class CommandIdReused(HelenusError):
    """The command id was first used for a different command on the same stream."""

    remedy = "Send a new command under a new id; repeat an id only for the very same command."


class LimitExceeded(HelenusError):
    """A payload, queue or batch is over its configured bound."""


class Overloaded(HelenusError):
    """Work was shed before anything was sent.

    Attributes:
        retry_after_s: seconds after which a new attempt makes sense.
    """

    remedy = "Try again later."

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OutcomeUnreadable(HelenusError):
    """The command took effect, but the answer recorded with it cannot be read as asked."""

    outcome = Outcome.HAPPENED
    remedy = "Do not send it again; read the stream for its events."


class StoreError(HelenusError):
    """The store could not do what it was asked."""


class StoreUnavailable(StoreError):
    """The store is locked, unreachable or full; nothing was written."""

    remedy = "Try again later; nothing was written."


class StoreClosed(StoreError):
    """The store was used before it was opened or after it was closed."""

    remedy = "Use it inside `async with`."


class StoreUnusable(StoreError):
    """The file or schema is damaged, newer than this code, or not ours; it was left as it is."""


class OutcomeUnknown(StoreError):
    """The write may have taken effect.

    Attributes:
        commit_ids: the ids of the commits whose fate is unknown; none where a command took effect
            earlier, and only its answer is missing.
    """

    outcome = Outcome.MAY_HAVE_HAPPENED
    remedy = "Send the same command under the same command id: it takes effect once."

    def __init__(
        self, message: str, commit_ids: tuple[uuid.UUID, ...] = (), *, remedy: str | None = None
    ) -> None:
        commits = f" Commits: {', '.join(map(str, commit_ids))}." if commit_ids else ""
        super().__init__(message + commits, remedy=remedy)
        self.commit_ids = commit_ids
