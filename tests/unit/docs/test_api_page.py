"""The page of public names lists what there is."""

import importlib

import pytest

from tests.unit.docs import api_page


def test_it_is_what_the_docstrings_say() -> None:
    written = api_page.PAGE.read_text(encoding="utf-8")
    assert written == api_page.made(), "Write it anew: python -m tests.unit.docs.api_page"


@pytest.mark.parametrize("name", api_page.MODULES)
def test_every_public_class_and_function_has_a_docstring(name: str) -> None:
    module = importlib.import_module(name)
    summaries = {
        one: api_page.summary(getattr(module, one)) for one in api_page.public_names(module)
    }
    assert [one for one, summary in summaries.items() if not summary] == []
