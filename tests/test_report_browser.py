"""The whole report in a browser: pytest-html's page around ours, on a phone and a desk, by day and night.

Needs Debian's or your own chromium and PyPI's playwright; without them these tests are skipped with the cure,
unless DOMINO_HEALTH_REQUIRE (a comma separated list, in CI for example) contains ``browser``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

import domino_health
from domino_health import Bar, Mark, timeline
from report_samples import HOSTILE_SVG, an_attack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    OpenPage = Callable[..., Page]

HERE = Path(__file__).parent
INSTALLED = Path(domino_health.__file__).parents[1]
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
SCREENS = pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])

FIRST_SCREENS = pytest.mark.parametrize(
    "screen", [{**PHONE, "viewport": {"width": 390, "height": 844}}, DESK], ids=["390x844", "1280x800"]
)
BY_DAY_AND_NIGHT = pytest.mark.parametrize("color_scheme", ["light", "dark"])

SAMPLES = {
    "a_bad_night": "report_night",
    "a_replay": "report_night",
    "an_attack": "report_samples",
    "too_much": "report_samples",
}

# pytest-html as it is, with our page of a sample in its summary, and a test for each of its results.
CONFTEST = """
import pytest
from {module} import {sample}
from domino_health.plugin import evaluate
from domino_health.reports import html

RECORD = {sample}()

def pytest_html_report_title(report):
    report.title = "domino-health"

def pytest_html_results_summary(prefix):
    prefix.append(html.render(RECORD))

def pytest_html_results_table_header(cells):
    html.results_table_header(cells)

def pytest_html_results_table_row(report, cells):
    html.results_table_row(report, cells)

def pytest_generate_tests(metafunc):
    metafunc.parametrize("result", RECORD.results, ids=lambda result: result.id)

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.domino_health = evaluate.wire(item.callspec.params["result"])
    return report
"""
TEST = """
def test_check(result):
    print(result.reason)
    assert result.state.value != "failed", result.reason
"""

# Of every text that can be seen: its contrast against the nearest background that is painted.
CONTRAST = """() => {
    const rgb = color => color.match(/[0-9.]+/g).map(Number)
    const light = color => rgb(color).slice(0, 3).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
    const behind = element => {
        for (; element; element = element.parentElement) {
            const color = getComputedStyle(element).backgroundColor
            if ((rgb(color)[3] ?? 1) === 1) return color
        }
        return 'rgb(255, 255, 255)'
    }
    const low = []
    let seen = 0
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let text; text = texts.nextNode();) {
        const element = text.parentElement
        if (!text.data.trim() || !element.checkVisibility({visibilityProperty: true})) continue
        const style = getComputedStyle(element)
        const [a, b] = [light(style.color), light(behind(element))].sort((a, b) => b - a)
        const size = parseFloat(style.fontSize)
        const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700)
        const ratio = (a + 0.05) / (b + 0.05)
        seen += 1
        if (ratio < (large ? 3 : 4.5)) low.push(`${ratio.toFixed(2)}: ${text.data.trim().slice(0, 60)}`)
    }
    return {seen, low}
}"""


# Of a picture: letters and bars against its paper.
FILLS = """() => {
    const light = color => color.match(/[0-9.]+/g).map(Number).slice(0, 3).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
    const fill = element => getComputedStyle(element).fill
    const paper = fill(document.querySelector('.paper'))
    const low = [...document.querySelectorAll('text, .bar')].filter(element => {
        const [a, b] = [light(fill(element)), light(paper)].sort((a, b) => b - a)
        return (a + 0.05) / (b + 0.05) < (element.tagName === 'text' ? 4.5 : 3)
    })
    return {paper, low: low.map(element => element.outerHTML)}
}"""


def required() -> list[str]:
    return os.environ.get("DOMINO_HEALTH_REQUIRE", "").replace(" ", "").split(",")


def missing(cure: str) -> None:
    if "browser" in required():
        pytest.fail(f"browser is required by DOMINO_HEALTH_REQUIRE and missing: {cure}", pytrace=False)
    pytest.skip(f"browser is missing: {cure}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        missing("install chromium (Debian: apt-get install --no-install-recommends chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("pip install playwright")
    quiet = ["quic", "background-networking", "component-update", "sync", "gpu"]
    arguments = ["--no-sandbox", "--no-first-run", *(f"--disable-{thing}" for thing in quiet)]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the report of a sample."""
    sample = getattr(request, "param", "a_bad_night")
    folder = tmp_path_factory.mktemp(sample)
    (folder / "conftest.py").write_text(CONFTEST.format(sample=sample, module=SAMPLES[sample]))
    (folder / "test_sample.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "--html=report.html", "--self-contained-html"]
    subprocess.run(
        [*command, f"--rootdir={folder}", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{INSTALLED}", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        timeout=120,
        check=False,  # the sample's failures are pytest's too
    )
    assert (folder / "report.html").stat().st_size > 10_000
    return (folder / "report.html").as_uri()


EVERY_REPORT = pytest.mark.parametrize("report", list(SAMPLES), indirect=True)


@pytest.fixture
def open_page(browser: Browser, report: str) -> Iterator[OpenPage]:
    """Opens the report; what it asks of a network, and what it complains of, must be nothing."""
    contexts = []
    noise: list[str] = []

    def is_outside(address: str) -> bool:
        return address.partition("#")[0] != report and not address.startswith("data:image/svg+xml;base64,")

    def opened(**options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: noise.append(request.url) if is_outside(request.url) else None)
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("dialog", lambda dialog: noise.append(dialog.message))
        page.goto(report)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not noise


def unfold(page: Page) -> None:
    """All of it, laid out."""
    page.locator("#dh-appendix > summary").click()
    page.add_style_tag(content=".dh-many .dh-body { content-visibility: visible; }")
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")


@pytest.mark.parametrize("report", ["a_bad_night", "a_replay", "too_much"], indirect=True)
@FIRST_SCREENS
@BY_DAY_AND_NIGHT
def test_the_first_screen_says_what_blocks_without_javascript(
    open_page: OpenPage, screen: dict[str, Any], color_scheme: str
) -> None:
    page = open_page(**screen, color_scheme=color_scheme, java_script_enabled=False)
    for selector in (".dh-word", ".dh-meaning", ".dh-status", ".dh-blockers > li:first-child .dh-why"):
        box = page.locator(selector).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= screen["viewport"]["width"]
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= screen["viewport"]["height"]
    assert page.locator(".dh-word").inner_text() == "✕ CLOSED"
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]
    assert page.evaluate(CONTRAST)["low"] == []


@SCREENS
def test_the_verdict_is_on_a_smaller_screen_too_with_its_first_reason(
    open_page: OpenPage, screen: dict[str, Any]
) -> None:
    page = open_page(**screen)
    for selector in (".dh-word", ".dh-blockers > li:first-child"):
        box = page.locator(selector).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= screen["viewport"]["height"]


@EVERY_REPORT
@SCREENS
def test_nothing_is_wider_than_the_screen(open_page: OpenPage, screen: dict[str, Any]) -> None:
    page = open_page(**screen)
    unfold(page)
    width = screen["viewport"]["width"]
    assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]


@pytest.mark.parametrize("report", ["an_attack"], indirect=True)
def test_hostile_text_does_nothing(open_page: OpenPage) -> None:
    page = open_page(**DESK)
    assert page.title() == "domino-health"
    assert page.locator("main script, main svg").count() == 0
    assert page.locator(".dh-word").is_visible()
    assert page.locator("#results-table").count() == 1


@pytest.mark.parametrize("report", ["an_attack"], indirect=True)
def test_a_hostile_picture_is_seen_and_does_nothing(open_page: OpenPage) -> None:
    page = open_page(**DESK)
    unfold(page)
    pictures = page.locator("main .dh-plot img")
    assert pictures.count() == len(an_attack().results)
    sizes = pictures.evaluate_all(
        "all => Promise.all(all.map(img => img.decode().then(() => img.naturalWidth)))"
    )
    assert set(sizes) == {40}
    assert page.title() == "domino-health"
    assert page.evaluate("frames.length") == 0


def test_elsewhere_than_in_an_image_that_picture_does_harm(browser: Browser, tmp_path: Path) -> None:
    # Else the test before this one proves nothing. No request leaves: each is answered here.
    asked: list[str] = []
    (tmp_path / "evil.html").write_text(f"<!doctype html><title>kind</title>{HOSTILE_SVG}")
    context = browser.new_context()
    page = context.new_page()

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route("https://evil.example/**", refuse)
    page.goto((tmp_path / "evil.html").as_uri())
    assert page.title() == "owned"
    assert {"https://evil.example/script", "https://evil.example/image.png"} <= set(asked)
    context.close()


@BY_DAY_AND_NIGHT
def test_a_time_line_has_contrast_enough(browser: Browser, color_scheme: Literal["light", "dark"]) -> None:
    bars = [Bar(name, timedelta(0), timedelta(hours=1), "1 h", wanting=name == "b") for name in "ab"]
    context = browser.new_context(color_scheme=color_scheme)
    page = context.new_page()
    page.set_content(timeline("Start", bars, marks=[Mark("now", timedelta(minutes=9))]))
    assert page.evaluate(FILLS)["low"] == []
    assert (
        page.evaluate(FILLS)["paper"]
        == {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 28, 35)"}[color_scheme]
    )
    context.close()


@pytest.mark.parametrize("report", ["a_replay"], indirect=True)
@SCREENS
@BY_DAY_AND_NIGHT
def test_every_text_has_contrast_enough(
    open_page: OpenPage, screen: dict[str, Any], color_scheme: str
) -> None:
    page = open_page(**screen, color_scheme=color_scheme)
    unfold(page)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(245, 246, 248)", "dark": "rgb(15, 19, 24)"}[color_scheme]
    contrast = page.evaluate(CONTRAST)
    assert contrast["seen"] > 300
    assert contrast["low"] == []


@SCREENS
def test_all_of_it_can_be_read_without_javascript(open_page: OpenPage, screen: dict[str, Any]) -> None:
    page = open_page(**screen, java_script_enabled=False)
    assert page.locator(".dh-word").is_visible()
    finding = page.get_by_text("statefulset/domino-platform/rabbitmq-ha")
    assert finding.is_visible()
    for shown in ("#SCHED-001 .dh-plot img", "#SCHED-001 .dh-notes pre", ".dh-missed", ".dh-changes"):
        assert page.locator(shown).is_visible()
    passed = page.locator("#CAP-001 .dh-body")
    assert not passed.is_visible()
    page.locator("#CAP-001 > summary").click()
    assert passed.is_visible()
    page.locator("#dh-appendix > summary").click()
    assert page.locator("#dh-appendix noscript p").is_visible()


def test_a_reason_leads_to_its_check(open_page: OpenPage) -> None:
    page = open_page(**PHONE)
    page.locator(".dh-blockers a", has_text="STOR-004").click()
    check = page.locator("#STOR-004")
    assert page.url.endswith("#STOR-004")
    box = check.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < PHONE["viewport"]["height"]


def test_of_pytest_html_only_the_table_is_seen_and_only_when_asked_for(open_page: OpenPage) -> None:
    page = open_page(**DESK)
    table = page.locator("#results-table")
    assert not table.is_visible()
    page.locator("#dh-appendix > summary").click()
    assert table.is_visible()
    row = table.locator("tr.collapsible", has_text="CAP-003")
    assert row.locator(".col-outcome").inner_text() == "warned"
    text = page.locator("body").inner_text()
    for theirs in ("Report generated on", "Environment", "Summary", "tests took", "Show all details"):
        assert theirs not in text
    table.locator("tr.collapsible", has_text="SCHED-001").locator(".col-result").click()
    assert table.locator("th", has_text="Outcome").is_visible()


def test_paper_shows_what_is_folded(open_page: OpenPage) -> None:
    page = open_page(**DESK, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator("#CAP-001 .dh-body").is_visible()
    assert not page.locator("#results-table").is_visible()
    assert page.evaluate(CONTRAST)["low"] == []
