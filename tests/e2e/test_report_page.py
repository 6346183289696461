"""The page of `onlooker report --html` in a real browser: charts drawn, nothing asked of the network."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from schemas.units import US_PER_S
from sinks.service.local import LocalSink
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.conftest import skip_or_fail
from tests.e2e.command import onlooker
from tests.facts import exposure, play, visit_ended

pytestmark = [
    pytest.mark.browser,
    pytest.mark.clickhouse,
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--window-size=1280,2400",
    "--virtual-time-budget=10000",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
)
CHARTS = (
    "From being there to looking",
    "Course",
    "Audience",
    "Retention",
    "Dwell",
    "Facial expression while looking",
)
CONSOLE = re.compile(r"CONSOLE.*")
SCRIPTS = re.compile(r"<script\b.*?</script>", re.DOTALL)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser made of a page."""

    dom: str
    """After all scripts have run, without the scripts themselves."""
    console: tuple[str, ...]


def browser() -> str:
    """The browser's binary."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        skip_or_fail("browser", f"none of {', '.join(BROWSERS)} is installed")
    assert found is not None
    return found


def browsed(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Open a page in the browser, to its end."""
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = [browser(), *OPTIONS, profile, *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def shown(page: Path) -> Shown:
    """A page as the browser has it."""
    done = browsed(page, "--dump-dom")
    return Shown(dom=SCRIPTS.sub("", done.stdout), console=tuple(CONSOLE.findall(done.stderr)))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The page about a woman who looks two seconds at one campaign, and another that nobody sees."""
    browser()
    folder = tmp_path_factory.mktemp("page")
    seen = play("p1")
    woman = exposure(
        "woman",
        seen,
        (1.0, 1.0),
        age_years=30.0,
        gender="female",
        engagement=80.0,
        engaged=True,
        expression_us=(1_500_000, 500_000, 0, 0, 0, 0, 0),
    )
    unseen = play("p2", campaign_id="bikes & <b>more</b>", creative_id="ride", start_us=seen.end_us)
    unseen = msgspec.structs.replace(unseen, end_us=unseen.start_us + 10 * US_PER_S)
    with EmbeddedServer(folder / "data") as server:
        store = ClickHouse(server.address())
        migrate(store, released())
        writer = LocalSink(store, run_id="page")
        for fact in (seen, unseen, visit_ended("woman", (woman,))):
            writer.add(fact)
        writer.flush()
        store.close()
        done = onlooker("report", "--data-dir", folder / "data", "--html", folder / "report.html")
        assert done.code == 0, done.err
        yield folder / "report.html"


@pytest.fixture(scope="module")
def opened(page: Path) -> Shown:
    return shown(page)


def test_the_words_are_there(opened: Shown) -> None:
    assert "<title>Campaign report</title>" in opened.dom
    assert "for how long: 2 campaigns. People" in opened.dom
    assert re.findall(r"<h2>(.*?)</h2>", opened.dom) == [
        "bikes &amp; &lt;b&gt;more&lt;/b&gt;",
        "coffee",
        "What the terms mean",
    ]
    assert re.findall(r"<h3>(.*?)</h3>", opened.dom) == list(CHARTS)


def test_every_chart_is_drawn_with_its_data(opened: Shown) -> None:
    sections = opened.dom.split('<section class="chart">')[1:]
    assert len(sections) == len(CHARTS)
    for section in sections:
        assert 'class="main-svg"' in section
        traces = re.findall(r'<g class="trace (?:bars|scatter)[^"]*"', section)
        assert traces, section[:200]
        assert re.search(r'<path[^>]* d="M[-\d.]+,[-\d.]+', section)
    assert re.search(r"<text[^>]*>happy</text>", sections[-1])
    assert re.search(r"<text[^>]*>75%</text>", sections[-1])


def test_no_script_fails_and_no_request_leaves_the_page(opened: Shown) -> None:
    assert opened.console == ()
    assert not re.findall(r"(?:src|href|action)=[\"']?(?:https?:)?//", opened.dom)


def test_a_broken_script_would_be_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    broken.write_text('<script>nothing()</script><img src="http://elsewhere.test/x.png">', encoding="utf-8")
    console = " ".join(shown(broken).console)
    assert "nothing is not defined" in console
    assert re.search(r"src=\"https?:", shown(broken).dom)


def test_the_picture_has_ink(page: Path) -> None:
    picture = page.with_name("page.png")
    browsed(page, f"--screenshot={picture}")
    assert picture.stat().st_size > 50_000
