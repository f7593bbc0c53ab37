"""Holds a policy document against the catalogue, and what its layers make together."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from download_licensing.catalogue import Catalogue
from download_licensing.documents import Document, Problems, near_miss
from download_licensing.domain.policy import Terms
from download_licensing.domain.terms import Title
from download_licensing.domain.times import EARLIEST
from download_licensing.policies.document import PolicyDocument

_HOUR_S = 3_600


def check_references(
    document: Document, policy: PolicyDocument, catalogue: Catalogue, problems: Problems
) -> None:
    """Note what the document names and the catalogue lacks, and windows that could never end."""
    known: dict[str, Collection[str]] = {
        "plans": catalogue.plans,
        "titles": catalogue.titles,
        "agreements": {title.agreement for title in catalogue.titles.values()},
    }
    for section, names in known.items():
        for name in policy.sections[section]:
            if name not in names:
                hint = near_miss(name, names) or " Add it there first, or leave it out here."
                message = f"the catalogue has no such {section.removesuffix('s')}.{hint}"
                problems.add(message, document.keys.get((section, name)), f"{section}.{name}")
    if not problems:
        _check_windows(policy, catalogue, problems)


def _check_windows(policy: PolicyDocument, catalogue: Catalogue, problems: Problems) -> None:
    told = set()
    for terms in _combinations(policy, catalogue):
        if not 0 < terms.license_duration_s < terms.playback_window_s:
            continue
        written = policy.written(terms.sources["playback-window"], "playback-window")
        if written.place in told:
            continue
        told.add(written.place)
        problems.add(
            f"{terms.playback_window_s // _HOUR_S} hours are longer than the licence lasts"
            f" ({terms.license_duration_s // _HOUR_S} hours, by"
            f" {terms.sources['license-duration']}), so the window could never end. Shorten it,"
            " or use 0 for no window.",
            written.place,
            f"{written.layer}.playback-window",
        )


def _combinations(policy: PolicyDocument, catalogue: Catalogue) -> Iterator[Terms]:
    """What holds for each plan, each country, and each title, also in countries of its own."""
    model = policy.policy(policy.effective_from or EARLIEST)
    for plan_id in catalogue.plans:
        yield model.terms_for(plan_id)
    for country in policy.sections["countries"]:
        yield model.terms_for("", None, country)
    for title in catalogue.titles.values():
        for country in ("", *_countries(policy, title)):
            yield model.terms_for("", title, country)


def _countries(policy: PolicyDocument, title: Title) -> Iterator[str]:
    layer = policy.sections["titles"].get(title.title_id)
    yield from layer.countries if layer else ()
