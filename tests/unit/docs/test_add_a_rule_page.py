"""The guide is followed to the letter, on a copy of the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "licensing" / "add-a-rule.md"
RULE, TEST = [block.text for block in blocks(PAGE) if block.language == "python no-run"]
(LINE,) = [block.text for block in blocks(PAGE) if block.language == "yaml"]
RULES = Path("download_licensing", "domain", "rules")

# What a reader would see next, on the service as it is composed. Nothing here names the new file.
PROGRAM = """
import asyncio
from datetime import UTC, datetime, timedelta

from download_licensing import __file__ as package
from download_licensing.catalogue import Catalogue
from download_licensing.domain.policy import Policies
from download_licensing.domain.refusals import DownloadRefused
from download_licensing.domain.rules import CLAUSES, RULES
from download_licensing.domain.times import EARLIEST
from download_licensing.policies.schema import policy_schema
from download_licensing.policies.shipped import shipped_policy
from download_licensing.service.commands import OpenAccount, RequestDownload
from download_licensing.service.licensing import AGGREGATES, LicensingService
from helenus import AggregateRepository, CommandContext
from helenus.stores.memory import MemoryStore

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


async def main():
    catalogue = Catalogue.shipped()
    document = shipped_policy(catalogue)
    policies = Policies([document.policy(EARLIEST)])
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
        service = LicensingService(repository, catalogue, policies=policies)

        async def ask(title_id, key, at):
            command = RequestDownload(customer_id="ada", device_id="tv", title_id=title_id)
            return await service.execute(command, CommandContext(at=at, command_id=key))

        opening = OpenAccount(customer_id="ada", plan="standard")
        await service.execute(opening, CommandContext(at=NOON))
        await ask("glass-harbour", "k1", NOON)
        await ask(OTHER, "k2", NOON)
        await ask(OTHER, "k3", NOON)  # of another studio, which did not ask for it
        second = timedelta(seconds=1)
        day = timedelta(hours=24)
        try:
            await ask("glass-harbour", "k4", NOON + day - second)
        except DownloadRefused as refused:
            (unmet,) = refused.unmet
            assert (unmet.rule, unmet.reason) == ("rest-between-downloads", "title-rests"), unmet
            assert unmet.resets_at == NOON + day, unmet
        else:
            raise AssertionError("granted before it had rested")
        await ask("glass-harbour", "k5", NOON + day)


OTHER = next(
    title.title_id
    for title in Catalogue.shipped().titles.values()
    if title.agreement != Catalogue.shipped().titles["glass-harbour"].agreement
)
names = [rule.name for rule in RULES]
assert names.index("rest-between-downloads") == names.index("title-downloads-per-year") + 1
assert '"rest-between-downloads"' in str(policy_schema()).replace("'", '"')
asyncio.run(main())
print(package)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package in which the guide was followed."""
    source = tmp_path_factory.mktemp("guide")
    shutil.copytree(
        ROOT / "src" / "download_licensing",
        source / "download_licensing",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (source / RULES / "rest_between_downloads.py").write_text(RULE, encoding="utf-8")
    policy = source / "download_licensing" / "policy.yaml"
    policy.write_text(added(policy.read_text(encoding="utf-8")), encoding="utf-8")
    return source


def added(policy: str) -> str:
    """The policy with the guide's one line in the layer that the guide names."""
    *layer, line = LINE.splitlines()
    assert [text.strip() for text in layer] == ["agreements:", "tidewater:"]
    heading = next(text for text in policy.splitlines() if text.startswith(layer[1]))
    return policy.replace(f"{heading}\n", f"{heading}\n{line}\n", 1)


def run(source: Path, program: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=source,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_one_file_and_one_line_of_the_policy_make_a_rule(source: Path) -> None:
    assert run(source, PROGRAM).strip() == str(source / "download_licensing" / "__init__.py")


def test_the_guides_test_of_the_rule_holds(source: Path) -> None:
    names = [line[4:].partition("(")[0] for line in TEST.splitlines() if line.startswith("def ")]
    assert len(names) == 2

    run(source, TEST + "".join(f"\n{name}()" for name in names))


def test_a_parameter_out_of_its_bounds_is_refused_with_its_line(source: Path) -> None:
    program = (
        "from download_licensing.policies.reading import read_policy\n"
        "read_policy(b'version: v\\ndefault:\\n  rest-between-downloads: {hours: 0}\\n', 'p.yaml')"
    )

    with pytest.raises(AssertionError, match=r"p\.yaml:3:.*rest-between-downloads"):
        run(source, program)


def test_without_the_file_the_line_is_refused() -> None:
    document = b"version: v\n" + LINE.encode()
    program = (
        "from download_licensing.policies.reading import read_policy\n"
        f"read_policy({document!r}, 'p.yaml')"
    )

    with pytest.raises(AssertionError, match="there is no such rule"):
        run(ROOT / "src", program)
