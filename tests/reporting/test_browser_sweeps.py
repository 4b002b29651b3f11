"""Pages of sweeps and searches in a real browser."""

import numpy as np
import pytest
from browser import Browser, contrast, installed
from report_contents import frontier, write_frontier, write_tuning

from moldiff.reporting import write_report

pytestmark = pytest.mark.skipif(installed() is None, reason="there is no Chromium here")

RINGS = "[data-problem='0']"
FRONT = f"{RINGS} .scatter .point.front"
BARS = f"{RINGS} .bars"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A sweep and a search in one folder."""
    place = write_tuning(write_frontier(tmp_path_factory.mktemp("report")))
    write_report(place)
    return place


@pytest.fixture
def page(chromium, folder):
    """The report, fresh; whatever a test does, the page has no complaint and asks for nothing."""
    chromium.events.clear()
    chromium.open(folder / "report.html")
    yield chromium
    assert chromium.complaints == []
    assert set(chromium.requests) == {(folder / "report.html").resolve().as_uri()}


def every(page, selector, what):
    """Return something of every element that a selector finds; in the expression the element is ``e``."""
    return page.js(f"[...document.querySelectorAll({selector!r})].map(e => {what})")


def texts(page, selector):
    return every(page, selector, "e.textContent")


def shown(page, selector):
    return every(page, selector, "getComputedStyle(e).display !== 'none'")


def choose(page, name):
    selector = f"{RINGS} .against"
    every(page, selector, f"(e.value = {name!r}, e.dispatchEvent(new Event('change')))")


def focus(page, selector):
    every(page, selector, "e.focus()")


def title(page):
    return texts(page, f"{RINGS} .about h4")[0]


def settings(page):
    """Return what the first table of the chosen point says."""
    return dict(
        page.js(
            f"[...document.querySelector({RINGS + ' .about table'!r}).rows]"
            ".map(row => [...row.cells].map(cell => cell.textContent))"
        )
    )


def places(page):
    return every(page, FRONT, "['x', 'y'].map(name => Number(e.getAttribute(name)))")


def test_pointing_at_an_arm_shows_its_settings_figures_and_molecules(page):
    assert settings(page) == {"gamma": "1.0", "steps": "32"}  # the first, before anything is pointed at
    page.hover(f"{RINGS} .point.front:nth-of-type(6)")
    assert title(page) == "qm9-prime"
    assert settings(page) == {"gamma": "3.0", "steps": "32"}
    told = dict(zip(texts(page, f"{RINGS} .told th"), texts(page, f"{RINGS} .told td"), strict=True))
    assert told["distinct novel molecules"] == "664.6 [662, 667]"
    assert told["mean of rings over the novel molecules"] == "4.32 [4.3, 4.34]"
    assert texts(page, f"{RINGS} .examples code") == [
        "CC12C(O)C3C4C1C3C42",
        "COC12CC3OC1N3C2",
        "C1CC2(O)CC12C",
    ]
    assert min(every(page, f"{RINGS} .examples svg", "e.getBoundingClientRect().width")) > 60
    assert texts(page, "tr.chosen th")[0].startswith("qm9-prime")


def test_pointing_at_a_published_result_says_where_it_is_from(page):
    page.hover(f"{RINGS} .point.published")
    assert title(page) == "UDLM D-CBG, gamma 8"
    assert settings(page)["source"] == "arXiv 2412.10193"
    page.hover(f"{RINGS} .point.apart")
    assert texts(page, f"{RINGS} .about p")[0] == "published, made in another way: shown apart"


def test_the_keyboard_goes_from_point_to_point(page):
    focus(page, f"{RINGS} .against")
    page.press("Tab")
    assert page.js("document.activeElement.getAttribute('aria-label')").startswith(
        "qm9 gamma=1 steps=32: 747.5 novel"
    )
    page.press("ArrowRight")  # the next with more novel molecules
    assert settings(page) == {"gamma": "1.0", "steps": "32"}
    assert title(page) == "qm9-prime"
    page.press("ArrowRight")  # there is none
    assert title(page) == "qm9-prime"
    page.press("ArrowUp")
    assert settings(page)["gamma"] == "2.0"
    page.press("ArrowDown")
    page.press("ArrowDown")
    assert title(page) == "qm9"
    assert (
        every(page, f"{RINGS} .ring", "['cx', 'cy'].map(name => Number(e.getAttribute(name)))")
        == places(page)[:1]
    )
    page.press("Tab")
    assert page.js("document.activeElement.closest('.scatter')") is None  # one stop for all points


def test_the_other_axis_can_be_chosen(page):
    before, bars = places(page), every(page, BARS, "e.getAttribute('d')")
    others = [f"{RINGS} .scatter {name}" for name in (".joined", ".point.published", ".point.apart")]
    assert all(all(shown(page, selector)) for selector in others)
    choose(page, "nfe")
    after = places(page)
    assert [y for _, y in after] == [y for _, y in before]
    rows = [arm["figures"]["nfe"]["value"] for arm in frontier()["problems"][0]["arms"]]
    assert (
        np.argsort([x for x, _ in after], kind="stable").tolist() == np.argsort(rows, kind="stable").tolist()
    )
    assert texts(page, f"{RINGS} .against-text") == ["network rows a proposal"]
    assert every(page, BARS, "e.getAttribute('d')") != bars
    assert not any(any(shown(page, selector)) for selector in others)
    choose(page, "novel")
    assert places(page) == before
    assert every(page, BARS, "e.getAttribute('d')") == bars
    assert all(all(shown(page, selector)) for selector in others)


def test_the_table_is_sorted_by_its_headings(page):
    head = f"{RINGS} .arms thead th:nth-child(2)"
    cells = f"{RINGS} .arms tbody tr td:nth-child(2)"
    first = texts(page, cells)
    page.click(f"{head} button")
    numbers = every(page, cells, "Number(e.dataset.value)")
    assert numbers == sorted(numbers, reverse=True)
    assert texts(page, cells) != first
    assert every(page, head, "e.ariaSort") == ["descending"]
    focus(page, f"{head} button")
    page.press("Enter")
    assert every(page, cells, "Number(e.dataset.value)") == sorted(numbers)
    page.click(f"{RINGS} .arms thead th:nth-child(1) button")
    assert texts(page, cells) == first  # by name, as they came


def test_a_row_of_the_table_chooses_its_point(page):
    page.click(f"{RINGS} .arms tbody tr:nth-child(3) th")
    assert settings(page) == {"gamma": "3.0", "steps": "32"}


def test_the_best_trials_are_sorted_and_the_preset_is_copied(page):
    numbers = ".trials tbody td:first-child"
    page.click(".trials thead th:first-child button")
    shown = [int(each) for each in texts(page, numbers)]
    assert shown == sorted(shown, reverse=True)
    page.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.call("Page.bringToFront")
    page.click("[data-copy=preset]")
    page.until("document.querySelector('[data-copy=preset]').textContent === 'copied'")
    assert page.js("navigator.clipboard.readText()").startswith("# Tuned for rings>=4\n")


def test_it_prints(page):
    assert page.printed().startswith(b"%PDF")
    assert all(every(page, ".settings", "e.open"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marks_stand_out(page, theme):
    """Contrast of at least 3 to 1, as WCAG has it, of every mark on the page and in the table's rows."""
    page.js(f"document.documentElement.dataset.theme = {theme!r}")
    style = "getComputedStyle(document.documentElement).getPropertyValue"
    for ink in ("m0", "m1", "m2", "m3", "m4", "m5", "m6", "star", "accent", "miss"):
        for ground in ("back", "panel"):
            colours = (page.js(f"{style}('--{name}')") for name in (ink, ground))
            assert contrast(*colours) >= 3, (ink, ground)


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_is_wider_than_the_screen(folder, width):
    with Browser(width, 800) as browser:
        browser.open(folder / "report.html")
        assert browser.js("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
        letters = every(browser, ".scatter text, .history text", "e.getBoundingClientRect().height")
        assert min(letters) > 10  # pixels that can be read
        browser.click(f"{RINGS} .scatter")
        assert browser.complaints == []
