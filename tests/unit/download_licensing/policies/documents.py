"""Policy documents for tests, and a catalogue that has what they name."""

from __future__ import annotations

from typing import Final

from download_licensing.catalogue import Catalogue

CATALOGUE: Final = Catalogue.shipped()

SOUND: Final = """\
version: 2026-12
effective_from: 2026-12-01T00:00:00Z
note: The first one.

default:
  device-limit: {devices_max: 1}
  license-duration: {hours: 720}
  playback-window: {hours: 48}

templates:
  strict:
    title-downloads-per-year: {downloads_max: 2}
    renewals-per-license: {renewals_max: 0}

plans:
  standard:
    device-limit: {devices_max: 2}
  premium:
    extends: plans.standard
    device-limit: {devices_max: 6}

titles:
  the-premiere:
    extends: templates.strict
    license-duration: {hours: 48}
    countries:
      NO:
        renewals-per-license: off
  stage-door:
    extends: titles.the-premiere
    countries:
      SE:
        playback-window: {hours: 24}

countries:
  DE:
    playback-window: {hours: 72}
"""


def changed(old: str, new: str, text: str = SOUND) -> str:
    """The text with one passage replaced, which has to be there."""
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)
