"""Which country codes there are."""

from __future__ import annotations

import functools
from importlib.resources import files


@functools.cache
def country_codes() -> frozenset[str]:
    """The codes of ISO 3166-1 alpha-2, as the time zone database lists them."""
    text = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return frozenset([line.partition("\t")[0] for line in lines])
