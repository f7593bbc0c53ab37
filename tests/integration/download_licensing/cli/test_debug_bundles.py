"""`debug bundle` and `debug replay`: a case leaves the store, masked, and is replayed."""

from pathlib import Path
from typing import Any

import pytest

from download_licensing.domain.rules.device_limit import DeviceLimit
from tests.integration.download_licensing.cli.debug_runs import debug, store_with_a_customer

KEY = "a key of the installation"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_with_a_customer(tmp_path_factory.mktemp("debug") / "store.sqlite3")


@pytest.fixture
def bundle(store: Path, tmp_path: Path) -> Path:
    file = tmp_path / "case.jsonl"
    ran = debug("bundle", "bob-1", "--store", store, "--output", file)
    assert (ran.exit_code, ran.out) == (0, "")
    assert ran.err.endswith("case.jsonl: written.\n")
    return file


def test_a_case_is_written_and_replayed(bundle: Path) -> None:
    assert b"bob-1" not in bundle.read_bytes()
    ran = debug("replay", bundle)
    assert ran.exit_code == 0
    assert "2 of 2 decisions came out as before" in ran.out
    told = debug("replay", bundle, "--json").json()
    assert (told["decisions"], told["as_before"], told["differing"]) == (2, 2, [])


def test_a_bundle_goes_to_standard_output_as_well(store: Path, bundle: Path) -> None:
    ran = debug("bundle", "bob-1", "--store", store)
    assert ran.out.count("\n") == bundle.read_text().count("\n")


def test_bundles_fit_together_by_the_key_of_the_settings(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert debug("bundle", "ada", "--store", store) != debug("bundle", "ada", "--store", store)
    monkeypatch.setenv("DOWNLOAD_LICENSING_BUNDLE_KEY", KEY)
    assert debug("bundle", "ada", "--store", store) == debug("bundle", "ada", "--store", store)
    monkeypatch.setenv("DOWNLOAD_LICENSING_BUNDLE_KEY", "short")
    refused = debug("bundle", "ada", "--store", store)
    assert (refused.exit_code, refused.out) == (2, "")
    assert "bundle_key" in refused.err
    assert "'short'" not in refused.err


def test_the_debugger_is_entered_where_it_was_asked_for(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: list[Any] = []
    monkeypatch.setattr("sys.breakpointhook", lambda: entered.append("entered"))
    assert debug("replay", bundle, "--break-at", 2).exit_code == 0
    assert entered == ["entered"]
    beyond = debug("replay", bundle, "--break-at", 999)
    assert (beyond.exit_code, beyond.out) == (2, "")
    assert "The history ends at position" in beyond.err


def test_a_decision_that_comes_out_differently_ends_with_its_code(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeviceLimit, "check", lambda self, _: self.met(0, self.devices_max))
    ran = debug("replay", bundle)
    assert ran.exit_code == 14
    assert "refused (" in ran.out
    assert "now allowed (" in ran.out


def test_a_file_is_written_whole_or_left_as_it_was(store: Path, bundle: Path) -> None:
    before = bundle.read_bytes()
    ran = debug("bundle", "nobody", "--store", store, "--output", bundle)
    assert ran.exit_code == 15
    assert bundle.read_bytes() == before
    assert [one.name for one in bundle.parent.iterdir()] == [bundle.name]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("bundle", "nobody"), 15, "has no account"),
        (("bundle", "ada", "--output", "/"), 2, "is a directory"),
        (("bundle", "ada", "--output", "none/case.jsonl"), 2, "There is no directory none"),
    ],
)
def test_what_cannot_be_written_is_told(
    store: Path, arguments: tuple[object, ...], exit_code: int, message: str
) -> None:
    ran = debug(*arguments, "--store", store)
    assert (ran.exit_code, ran.out) == (exit_code, "")
    assert message in ran.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"notes\n", ":1:"),
        (b'{"line":"header","format":"download-licensing-bundle","version":7}\n', "version 7"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_told(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "case.jsonl"
    file.write_bytes(content)
    ran = debug("replay", file)
    assert (ran.exit_code, ran.out) == (12, "")
    assert message in ran.err
    assert "Traceback" not in ran.err
    missing = debug("replay", tmp_path / "none.jsonl")
    assert (missing.exit_code, missing.out) == (12, "")
