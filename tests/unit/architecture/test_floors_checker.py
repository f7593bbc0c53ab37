"""The checker catches what it is there to catch, in small trees made for it."""

from pathlib import Path

import pytest

from tests.unit.architecture.floors import Plan, Tree, barred, impurities, trespasses, unplanned

PLAN = Plan(
    {
        "framework": """
            __init__
            repository |
                stores.memory | stores.sqlite
            codec, store
        """,
        "product": """
            service
            domain
        """,
    }
)


def tree_of(folder: Path, sources: dict[str, str]) -> Tree:
    for name, source in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return Tree.read(folder)


@pytest.mark.parametrize(
    ("importer", "statement", "target"),
    [
        ("framework/store.py", "from framework.repository import x", "framework.repository"),
        ("framework/store.py", "import framework.repository", "framework.repository"),
        ("framework/store.py", "from framework import repository", "framework.repository"),
        ("framework/store.py", "from . import repository", "framework.repository"),
        ("framework/store.py", "from .repository import x", "framework.repository"),
        ("framework/store.py", "def f():\n    import framework.repository", "framework.repository"),
        ("framework/store.py", "from framework import x", "framework"),
        ("framework/store.py", "from . import x", "framework"),
        ("framework/stores/memory.py", "from ..repository import x", "framework.repository"),
        ("framework/stores/memory.py", "from . import sqlite", "framework.stores.sqlite"),
        ("framework/stores/sqlite/__init__.py", "from .. import memory", "framework.stores.memory"),
        ("framework/repository.py", "import framework.stores.memory", "framework.stores.memory"),
        ("framework/__init__.py", "from product import domain", "product.domain"),
        ("product/domain.py", "from product.service import x", "product.service"),
    ],
)
def test_an_import_upwards_or_between_strangers_is_caught(
    tmp_path: Path, importer: str, statement: str, target: str
) -> None:
    files = [
        "framework/__init__.py",
        "framework/repository.py",
        "framework/store.py",
        "framework/stores/memory.py",
        "framework/stores/sqlite/__init__.py",
        "product/domain.py",
        "product/service.py",
    ]
    tree = tree_of(tmp_path, dict.fromkeys(files, "") | {importer: statement})
    module = importer.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert trespasses(tree, PLAN) == [f"{module} imports {target}"]


def test_imports_downwards_and_between_neighbours_are_allowed(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path,
        {
            "framework/__init__.py": "from framework.repository import x",
            "framework/codec.py": "import framework.store",
            "framework/repository.py": "import asyncio\nfrom framework.codec import x",
            "framework/store.py": "from .codec import x",
            "framework/stores/sqlite/__init__.py": "from . import schema\nfrom ...codec import x",
            "framework/stores/sqlite/schema.py": "from framework import store",
            "product/service.py": "import framework\nfrom product import domain",
            "product/domain.py": "from framework import x",
        },
    )
    assert trespasses(tree, PLAN) == []
    assert unplanned(tree, PLAN) == []


def test_a_module_without_a_place_is_named(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path,
        {
            "framework/store.py": "",
            "framework/extra.py": "",
            "framework/stores/__init__.py": "",
            "framework/stores/cassandra.py": "",
        },
    )
    assert unplanned(tree, PLAN) == [
        "framework.extra",
        "framework.stores",
        "framework.stores.cassandra",
    ]


def test_what_is_barred_is_found_through_other_modules(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path,
        {
            "product/__init__.py": "",
            "product/oracle.py": "from product import world",
            "product/world.py": "from product.domain.rules import x",
            "product/domain/rules.py": "",
        },
    )
    assert barred(tree, {"product.oracle": {"product.domain"}}) == [
        "product.oracle reaches product.domain.rules (imported by product.world)"
    ]
    assert barred(tree, {"product.__init__": {"product.domain"}}) == []


def test_a_clock_a_file_and_a_random_number_are_impure(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path,
        {
            "product/domain.py": "import os.path\nfrom random import x\ndatetime.now()\nopen('f')",
            "product/service.py": "import os",
        },
    )
    assert impurities(tree, {"product.domain"}, {"os", "random"}, {"now", "open"}) == [
        "product.domain imports os.path",
        "product.domain imports random",
        "product.domain:3 calls now",
        "product.domain:4 calls open",
    ]
