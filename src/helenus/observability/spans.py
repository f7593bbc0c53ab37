"""The spans: their names, what they tell, and how they end. OpenTelemetry is imported by none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from helenus.errors import CommandRefused, Conflict, HelenusError

if TYPE_CHECKING:
    from opentelemetry.trace import Span

# Each is the answer to a question, or the choice of a caller; none is a fault of the system.
_NO_FAULTS = (CommandRefused, Conflict, GeneratorExit)


class SpanDescription(NamedTuple):
    """What a span is of.

    Attributes:
        text: in words.
        attributes: what it carries where it succeeds.
    """

    text: str
    attributes: tuple[str, ...] = ()


SPANS = {
    "helenus.transact": SpanDescription(
        "A command, from its arrival to its answer. The wait for its stream is part of it."
    ),
    "helenus.load": SpanDescription("A load of a stream's aggregates."),
    "helenus.append": SpanDescription(
        "An append. It carries the commands of a group, and is a child of the command that began"
        " the work on the stream.",
        ("helenus.commits", "helenus.bytes", "helenus.position"),
    ),
    "helenus.read": SpanDescription(
        "A read of commits, from the first page to the last or to where it was left.",
        ("helenus.commits", "helenus.bytes"),
    ),
    "helenus.head": SpanDescription("A look at a stream's head.", ("helenus.position",)),
    "helenus.load_snapshot": SpanDescription("A snapshot is read.", ("helenus.bytes",)),
    "helenus.save_snapshot": SpanDescription("A snapshot is written.", ("helenus.bytes",)),
}
"""Every span, by its name."""


def tell(span: Span, error: BaseException | None) -> None:
    """Set how the work ended: the kind of the error and what became of the write, no message."""
    if error is None or isinstance(error, GeneratorExit):
        return
    span.set_attribute("error.type", type(error).__name__)
    if isinstance(error, HelenusError):
        span.set_attribute("helenus.outcome", error.outcome.value)
    if not isinstance(error, _NO_FAULTS):
        from opentelemetry.trace import StatusCode  # noqa: PLC0415  # there is a span, so it is there

        span.set_status(StatusCode.ERROR)
