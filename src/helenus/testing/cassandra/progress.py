"""How a long start tells what it is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """What is going on now.

    Attributes:
        text: as a person would say it.
        done: how far it is, in ``total``.
        total: how far it goes, where that is known.
    """

    text: str
    done: int = 0
    total: int | None = None


Progress = Callable[[Step], None]


def silent(_: Step) -> None:
    """For those who do not look."""
