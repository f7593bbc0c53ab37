"""The site is built from the pages without a warning, whole, and loads nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.docs import api_page
from tests.unit.docs.pages import PAGES, ROOT, name_of

LOADED = re.compile(r"""<(?:script|img|iframe)[^>]+src="([^"]+)"|<link[^>]+href="([^"]+)\"""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = ("-c", "docs", "-d", folder / "doctrees", "--fail-on-warning", "--keep-going", "-q")
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *command, ".", folder / "html"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder / "html"


@pytest.mark.timeout(360)  # the first one builds, in seconds where nothing else runs
def test_each_page_is_there_and_reached_from_the_first(site: Path) -> None:
    first = site / "docs" / "README.html"
    navigation = first.read_text(encoding="utf-8").partition('<div class="sidebar-tree">')[2]
    reached = {
        (first.parent / target.partition("#")[0]).resolve()
        for target in re.findall(r'class="reference internal" href="([^"]+)"', navigation)
    }
    pages = [(site / name_of(page)).with_suffix(".html").resolve() for page in PAGES]
    assert [page for page in pages if not page.is_file()] == []
    assert [page for page in pages if page not in reached and page != first.resolve()] == []


@pytest.mark.timeout(360)
def test_the_address_without_a_page_leads_to_the_first(site: Path) -> None:
    (target,) = re.findall(r'url=([^"]+)"', (site / "index.html").read_text(encoding="utf-8"))
    assert (site / target).is_file()


@pytest.mark.timeout(360)
def test_every_public_name_has_its_entry(site: Path) -> None:
    page = (site / "docs" / "api.html").read_text(encoding="utf-8")
    entries = set(re.findall(r'class="sig sig-object py" id="([\w.]+)"', page))
    wanted = {f"{module}.{name}" for module, names in api_page.documented() for name in names}
    assert wanted - entries == set()


@pytest.mark.timeout(360)
def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = {
        target
        for page in site.rglob("*.html")
        for pair in LOADED.findall(page.read_text(encoding="utf-8"))
        for target in pair
        if target
    }
    assert loaded
    assert [target for target in loaded if "//" in target] == []
