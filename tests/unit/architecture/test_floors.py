"""Imports go down the floors only. A new module is given its place in the table below."""

from pathlib import Path

import pytest

from tests.unit.architecture.floors import Plan, Tree, barred, impurities, trespasses, unplanned

# Top first. "a, b": neighbours, which may import each other; "a | b": strangers, which may not.
# "name.__init__" is a package's own file alone. floors.py has the whole notation.
FLOORS = {
    "helenus": """
        __main__
        cli.__init__, cli.__main__
        cli.bench | cli.cassandra | cli.events | cli.golden | cli.snapshots | cli.streams |
            cli.transfer | cli.verify
        cli.stores, cli.output, cli.aggregates, cli.walking
        testing
        transfer | verification | rebuilding | measuring
        __init__
        service | observability
        stores.__init__
        repository, lanes, turns, loading, decisions, unit_of_work, snapshots, state,
            command_window, settings |
            stores.memory | stores.sqlite | stores.cassandra | stores.patient
        stores.wrapping
        stores.cassandra_url
        raw
        codec, store
        events, aggregates
        immutable
        findings
        errors, clock
    """,
    "download_licensing": """
        __main__
        cli
        composition
        api | simulate, simulate.oracle
        debugging
        observability
        service
        tokens.signer
        tokens.key_files
        tokens.keys | tokens.verifier
        tokens.claims
        tokens.__init__
        policies
        catalogue
        documents
        domain
        background
        settings
        __init__
    """,
}

# Below them, and barred all the same, also through other modules.
BARRED = {
    # importing helenus loads no store, and nothing that watches one
    "helenus.__init__": {"helenus.stores", "helenus.testing", "helenus.observability"},
    "helenus.service": {"helenus.stores"},
    "download_licensing": {"helenus.testing"},
    "download_licensing.domain": {"helenus.stores"},
    # A device carries the verifier without the service.
    "download_licensing.tokens.verifier": {
        "helenus",
        "download_licensing.domain",
        "download_licensing.settings",
    },
    # An oracle that shares the code it judges would share its errors.
    "download_licensing.simulate.oracle": {
        "download_licensing.domain",
        "download_licensing.service",
    },
}

# No I/O, no clock, no randomness: time and ids come in with the command.
PURE = {"download_licensing.domain"}
WORLDLY_MODULES = {
    *("time",),
    *("random", "secrets", "uuid"),
    *("glob", "io", "os", "pathlib", "shutil", "sqlite3", "subprocess", "sys", "tempfile"),
    *("http", "select", "signal", "socket", "ssl", "urllib"),
    *("asyncio", "concurrent", "logging", "multiprocessing", "threading"),
    *("aiohttp", "anyio", "httpx", "litestar", "prometheus_client", "structlog", "yaml"),
}
WORLDLY_CALLS = {"input", "now", "open", "print", "today", "utcnow"}

SOURCE = Path(__file__).parents[3] / "src"


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree.read(SOURCE)


def test_the_source_tree_is_found(tree: Tree) -> None:
    assert {"helenus", "download_licensing"} <= tree.modules.keys()


def test_every_module_has_its_place_in_the_plan(tree: Tree) -> None:
    assert unplanned(tree, Plan(FLOORS)) == []


def test_imports_go_down_the_floors_only(tree: Tree) -> None:
    assert trespasses(tree, Plan(FLOORS)) == []


def test_what_is_barred_is_not_reached(tree: Tree) -> None:
    assert barred(tree, BARRED) == []


def test_the_domain_is_pure(tree: Tree) -> None:
    assert impurities(tree, PURE, WORLDLY_MODULES, WORLDLY_CALLS) == []
