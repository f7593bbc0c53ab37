"""Layers as they are written, and what each takes over from those it extends."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from download_licensing.documents import Place, Problems, near_miss
from download_licensing.policies.document import LayerText, Written

EXTENDS = "extends"


class RawLayer(msgspec.Struct, kw_only=True):
    """One layer as it is written.

    Attributes:
        path: its place in the policy, as in "plans.basic".
        clauses: what it sets itself.
        countries: what it sets for one country, of a title.
        extends: the path of the layer whose clauses hold in this one too; "": none.
        place: of that path in the text.
    """

    path: str
    clauses: dict[str, Written] = msgspec.field(default_factory=dict)
    countries: dict[str, RawLayer] = msgspec.field(default_factory=dict)
    extends: str = ""
    place: Place | None = None


class Inheritance:
    """Puts layers together with those they extend, each once.

    Args:
        layers: all that can be extended, by their paths.
        problems: gathers what is wrong.
    """

    def __init__(self, layers: Mapping[str, RawLayer], problems: Problems) -> None:
        self._layers = layers
        self._problems = problems
        self._whole: dict[str, LayerText] = {}

    def whole(self, path: str) -> LayerText:
        """A layer with what it takes over; what it sets itself holds against that."""
        self._join(path)
        return self._whole[path]

    def _join(self, path: str) -> None:
        # Not by recursion: a chain of layers may be as long as the document.
        chain: list[str] = []
        while path not in self._whole:
            chain.append(path)
            base = self._base_of(self._layers[path])
            if base in chain:
                self._tell_cycle(chain[chain.index(base) :])
                break
            if not base:
                break
            path = base
        for path in reversed(chain):
            self._whole[path] = self._joined(self._layers[path])

    def _base_of(self, layer: RawLayer) -> str:
        if not layer.extends or layer.extends in self._layers:
            return layer.extends
        hint = (
            near_miss(layer.extends, self._layers) or " Use one of this document, as plans.basic."
        )
        message = f"there is no layer {layer.extends!r} to extend.{hint}"
        self._problems.add(message, layer.place, f"{layer.path}.{EXTENDS}")
        return ""

    def _joined(self, layer: RawLayer) -> LayerText:
        base = self._whole.get(layer.extends)
        taken = base.countries if base else {}
        return LayerText(
            path=layer.path,
            clauses={**(base.clauses if base else {}), **layer.clauses},
            countries={
                code: LayerText(
                    path=f"{layer.path}.countries.{code}",
                    clauses={
                        **(taken[code].clauses if code in taken else {}),
                        **(layer.countries[code].clauses if code in layer.countries else {}),
                    },
                )
                for code in (*taken, *(code for code in layer.countries if code not in taken))
            },
        )

    def _tell_cycle(self, cycle: list[str]) -> None:
        last = self._layers[cycle[-1]]
        shown = " → ".join([*cycle, cycle[0]])
        message = f"layers extend each other in a circle: {shown}. Break it."
        self._problems.add(message, last.place, f"{last.path}.{EXTENDS}")
