"""A policy document: one version of the policy as people wrote it, each clause with its place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

import msgspec

from download_licensing.documents import DocumentError, Place
from download_licensing.domain.policy import Layer, Policy
from download_licensing.domain.rule import Clause

DEFAULT = "default"
TEMPLATES = "templates"
SECTIONS = ("plans", "agreements", "titles", "countries")
"""The layers after the default one, the first first: what a later one sets holds."""

VERSION_CHARACTERS_MAX = 64
VERSION_PATTERN = rf"^(?!\.)[A-Za-z0-9._-]{{1,{VERSION_CHARACTERS_MAX}}}(?![\s\S])"


class PolicyError(DocumentError):
    """The policy cannot be used; the one in force stays. The message lists what to correct."""


class Written(msgspec.Struct, frozen=True):
    """What a document says of one clause.

    Attributes:
        clause: None: switched off.
        layer: where it is written, as in "titles.glass-harbour.countries.DE"; with `extends` that
            may be another layer than the one it holds in.
        place: of its name in the text.
    """

    clause: Clause | None
    layer: str
    place: Place


class LayerText(msgspec.Struct, frozen=True, kw_only=True):
    """One layer, with all that it takes over from others.

    Attributes:
        path: its place in the policy, as in "plans.basic".
        clauses: what holds in it, by name.
        countries: what holds in one country only, of a title.
    """

    path: str
    clauses: Mapping[str, Written] = msgspec.field(default_factory=dict)
    countries: Mapping[str, LayerText] = msgspec.field(default_factory=dict)

    def layer(self) -> Layer:
        """The same without its places."""
        return Layer(
            {name: written.clause for name, written in self.clauses.items()},
            {code: country.layer() for code, country in self.countries.items()},
        )


class PolicyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the policy, checked.

    Attributes:
        source: what the document is called.
        text: all of it.
        version: its name in grants and refusals.
        effective_from: None: as soon as it is published.
        note: what changed and why, for people.
        default: the layer for everyone.
        sections: the other layers, by section and name.
    """

    source: str
    text: str
    version: str
    effective_from: datetime | None
    note: str
    default: LayerText
    sections: Mapping[str, Mapping[str, LayerText]]

    @property
    def digest(self) -> str:
        """The same for the same text."""
        return digest_of(self.text)

    def policy(self, effective_from: datetime) -> Policy:
        """The policy that it describes, from a date on."""
        sections = {
            section: {name: text.layer() for name, text in self.sections[section].items()}
            for section in SECTIONS
        }
        return Policy(
            version=self.version,
            effective_from=effective_from,
            default=self.default.layer(),
            **sections,
        )

    def written(self, layer: str, clause: str) -> Written:
        """Where a clause that holds in a layer is written.

        Args:
            layer: its place in the policy, as `domain.policy.Terms.sources` has it.
            clause: by its name.

        Raises:
            KeyError: there is no such layer, or it says nothing of the clause.
        """
        return self._at(layer).clauses[clause]

    def _at(self, path: str) -> LayerText:
        if path == self.default.path:
            return self.default
        section, _, name = path.partition(".")
        if name in self.sections[section]:
            return self.sections[section][name]
        name, _, country = name.rpartition(".countries.")
        return self.sections[section][name].countries[country]


def digest_of(text: str) -> str:
    """What tells two documents apart."""
    return hashlib.blake2b(text.encode(), digest_size=16, person=b"policy").hexdigest()
