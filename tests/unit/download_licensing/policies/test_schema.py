from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import yaml

from download_licensing.catalogue import Catalogue
from download_licensing.domain.rules import CLAUSES
from download_licensing.policies.document import PolicyError
from download_licensing.policies.reading import read_policy
from download_licensing.policies.schema import policy_schema
from download_licensing.policies.shipped import shipped_policy
from tests.unit.download_licensing.policies.documents import SOUND, changed


class TextTimes(yaml.SafeLoader):
    """Reads times as text, as JSON has them."""


TextTimes.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def judged_by_schema(text: str) -> bool:
    content: Any = yaml.load(text, Loader=TextTimes)
    return bool(jsonschema.Draft202012Validator(policy_schema()).is_valid(content))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(policy_schema())


def test_every_rule_has_its_place_and_its_description() -> None:
    defined = policy_schema()["$defs"]

    assert CLAUSES.keys() <= defined.keys()
    for name in CLAUSES:
        assert defined[name]["description"].endswith(".")
        assert "Attributes" not in defined[name]["description"]


@pytest.mark.parametrize(
    "text", [SOUND, "version: a\n", "version: a\ndefault: {device-limit: off}\n"]
)
def test_what_can_be_read_is_valid_by_the_schema(text: str) -> None:
    read_policy(text.encode(), "p.yaml")

    assert judged_by_schema(text)


def test_the_policy_shipped_is_valid_fits_the_catalogue_and_has_every_rule_in_force() -> None:
    text = files("download_licensing").joinpath("policy.yaml").read_text(encoding="utf-8")

    assert judged_by_schema(text)
    document = shipped_policy(Catalogue.shipped())
    layers = [
        document.default,
        *[one for held in document.sections.values() for one in held.values()],
    ]
    assert {rule for layer in layers for rule in layer.clauses} == CLAUSES.keys()


@pytest.mark.parametrize(
    "text",
    [
        changed("devices_max: 1", "devices_max: -1"),
        changed("devices_max: 1", "devices_max: '1'"),
        changed("devices_max: 1", "devices_mx: 1"),
        changed("{devices_max: 1}", "{}"),
        changed("{devices_max: 1}", "on"),
        changed("device-limit", "device-limits"),
        changed("version: 2026-12\n", ""),
        changed("version: 2026-12\n", "version: 7\n"),
        changed("version: 2026-12\n", "version: a/b\n"),
        changed("plans:", "plan:"),
        changed("countries:\n  DE", "countries:\n  Germany"),
        changed("  standard:", "  a/b:"),
        changed("templates.strict", "[templates.strict]"),
        "version: a\nplans: {basic: {countries: {DE: {}}}}\n",
    ],
)
def test_what_the_schema_refuses_cannot_be_read(text: str) -> None:
    assert not judged_by_schema(text)
    with pytest.raises(PolicyError):
        read_policy(text.encode(), "p.yaml")
