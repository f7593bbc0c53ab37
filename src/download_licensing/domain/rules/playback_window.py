"""How long a download can be played once it was begun."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.rule import Duration


class PlaybackWindow(Duration, frozen=True):
    """A licence ends `hours` after its first play, if it does not end before.

    The window in force when a licence is issued holds for it for good.

    Source: help centres of streaming services, "48 hours from the first play" for some titles; 0
    as unlimited is Widevine's convention.

    Attributes:
        hours: 0: unlimited; at most ten years.
    """

    name: ClassVar[str] = "playback-window"

    hours: Annotated[int, Meta(ge=0, le=87_600)]

    @property
    def seconds(self) -> int:
        return self.hours * 3_600
