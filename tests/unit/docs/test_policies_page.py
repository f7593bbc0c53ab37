"""The example of the page on policies is one, and what the page says of it is so."""

import re
from pathlib import Path

from download_licensing.catalogue import Catalogue
from download_licensing.cli.policy import EXIT_CODES, app
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.playback_window import PlaybackWindow
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.times import EARLIEST
from download_licensing.policies.events import POLICY_STREAM
from download_licensing.policies.reading import DEPTH_MAX, read_policy
from download_licensing.policies.statistics import PolicyStatistics
from download_licensing.settings import Settings
from tests.unit.docs.metrics import rows_for, rows_of

PAGE = (Path(__file__).parents[3] / "docs" / "licensing" / "policies.md").read_text("utf-8")
CATALOGUE = Catalogue.shipped()


def example() -> bytes:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return str(text).encode()


def test_the_example_is_sound_and_its_layers_hold_as_it_says() -> None:
    policy = read_policy(example(), "policies.md", CATALOGUE).policy(EARLIEST)
    premiere, breakwater = CATALOGUE.titles["the-premiere"], CATALOGUE.titles["breakwater"]

    assert policy.terms_for("premium").get(DeviceLimit) == DeviceLimit(6)
    assert policy.terms_for("basic", premiere).get(LicenseDuration) == LicenseDuration(48)
    assert policy.terms_for("basic", breakwater).get(TitleDownloadsPerYear) is None
    assert policy.terms_for("basic", premiere, "NO").get(PlaybackWindow) == PlaybackWindow(24)
    assert policy.terms_for("basic", breakwater, "DE").get(PlaybackWindow) == PlaybackWindow(72)


def test_it_lists_every_command_and_every_exit_code() -> None:
    named = {one.name or one.callback.__name__ for one in app.registered_commands if one.callback}
    assert set(re.findall(r"^\| `policy (\w+)", PAGE, re.MULTILINE)) == named
    told = re.findall(r"^\| (\d+) \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert {int(code): meaning for code, meaning in told} == EXIT_CODES


def test_the_numbers_of_the_page_are_those_of_the_program() -> None:
    settings = Settings()

    assert f"`policy_lead_s`\n  ({settings.policy_lead_s:g} s)" in PAGE
    assert f"`policy_poll_s` ({settings.policy_poll_s:g} s)" in PAGE
    kibibytes = settings.policy_document_bytes_max // 1024
    assert f"`policy_document_bytes_max` ({kibibytes} KiB)" in PAGE
    assert f"than {DEPTH_MAX} levels" in PAGE
    assert f"`{POLICY_STREAM}`" in PAGE


def test_it_lists_every_metric_with_its_meaning() -> None:
    assert rows_of(PAGE, "## Watching it") == rows_for(PolicyStatistics)
