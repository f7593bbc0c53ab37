"""The JSON Schema of policy documents, made from the rules: editors complete and check by it."""

from __future__ import annotations

from typing import Any

import msgspec

from download_licensing.domain.ids import ID_PATTERN
from download_licensing.domain.rules import CLAUSES
from download_licensing.policies.clauses import OFF, ON
from download_licensing.policies.document import DEFAULT, SECTIONS, TEMPLATES, VERSION_PATTERN
from download_licensing.policies.layers import EXTENDS
from download_licensing.policies.reading import COUNTRIES, NOTE_CHARACTERS_MAX

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_COUNTRY_PATTERN = "^[A-Z]{2}$"

_SECTIONS = {
    TEMPLATES: "Layers that hold nowhere by themselves; others extend them.",
    "plans": "By plan id. Holds against default.",
    "agreements": "By the id of a studio agreement. Holds against plans.",
    "titles": "By title id. Holds against agreements.",
    COUNTRIES: "By the account's country, ISO 3166-1 alpha-2. Holds against titles.",
}


def policy_schema() -> dict[str, Any]:
    """The schema, as JSON Schema 2020-12."""
    return {
        "$schema": _DIALECT,
        "title": "Download policy",
        "description": "One version: which rules hold, with which parameters, for whom.",
        "type": "object",
        "additionalProperties": False,
        "required": ["version"],
        "properties": {
            "version": {
                "type": "string",
                "pattern": VERSION_PATTERN,
                "description": "Its name in every grant and refusal. Each document has its own.",
            },
            "effective_from": {
                "type": "string",
                "format": "date-time",
                "description": "With its zone. Left out: as soon as it is published.",
            },
            "note": {
                "type": "string",
                "maxLength": NOTE_CHARACTERS_MAX,
                "description": "What changed and why.",
            },
            DEFAULT: {"$ref": "#/$defs/layer", "description": "For everyone."},
            **{section: _section(section) for section in (TEMPLATES, *SECTIONS)},
        },
        "$defs": {
            "layer": _layer(),
            "title": _layer(countries=True),
            **{name: _clause(name) for name in sorted(CLAUSES)},
        },
    }


def schema_text() -> str:
    """The schema as the file that is published."""
    return msgspec.json.format(msgspec.json.encode(policy_schema()), indent=2).decode() + "\n"


def _section(section: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": _SECTIONS[section],
        "propertyNames": {"pattern": _COUNTRY_PATTERN if section == COUNTRIES else ID_PATTERN},
        "additionalProperties": {"$ref": f"#/$defs/{'title' if section == 'titles' else 'layer'}"},
    }


def _layer(*, countries: bool = False) -> dict[str, Any]:
    properties: dict[str, Any] = {
        EXTENDS: {
            "type": "string",
            "description": "The place of another layer, as templates.strict or plans.basic.",
        },
        **{name: {"$ref": f"#/$defs/{name}"} for name in sorted(CLAUSES)},
    }
    if countries:
        properties[COUNTRIES] = {
            "type": "object",
            "description": "For this title in one country. Holds against all others.",
            "propertyNames": {"pattern": _COUNTRY_PATTERN},
            "additionalProperties": {"$ref": "#/$defs/layer"},
        }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _clause(name: str) -> dict[str, Any]:
    kind = CLAUSES[name]
    (reference,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    parameters = components.pop(reference["$ref"].rpartition("/")[2])
    assert not components, f"{name}: parameters of its own types need a place in the schema."
    description = parameters.pop("description", "")
    parameters.pop("title", None)
    values = OFF if parameters.get("required") else (*OFF, *ON)
    return {
        "description": " ".join(description.split("Attributes:")[0].split()),
        "anyOf": [parameters, {"enum": [*values], "description": "Off or on as a whole."}],
    }
