"""How long a licence lasts."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.rule import Duration


class LicenseDuration(Duration, frozen=True):
    """A licence ends `hours` after its grant or its last renewal, whichever is later.

    Source: help centres of streaming services, "often 30 days", varying by title; 0 as unlimited
    is Widevine's convention.

    Attributes:
        hours: 0: unlimited; at most ten years.
    """

    name: ClassVar[str] = "license-duration"

    hours: Annotated[int, Meta(ge=0, le=87_600)]

    @property
    def seconds(self) -> int:
        return self.hours * 3_600
