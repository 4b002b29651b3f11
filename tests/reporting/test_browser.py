"""The page in a real browser: it sorts, filters, copies, prints, and says nothing to the console."""

import csv
import io
import time

import numpy as np
import pandas as pd
import pytest
from browser import Browser, contrast, installed

from moldiff.reporting import run_page

pytestmark = pytest.mark.skipif(installed() is None, reason="there is no Chromium here")

SHOWN = "[...document.querySelectorAll('.card:not([hidden])')]"
PLACES = f"{SHOWN}.map(card => Number(card.dataset.row))"


def write(generation, path):
    html = run_page(generation.table, {"files": ["molecules.csv"], **generation.run_record()})
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(made):
    """80 molecules; some have no value of a property."""
    table = made().table.copy()
    table.loc[[3, 70], "TPSA"] = np.nan
    return made(table=table)


@pytest.fixture(scope="module")
def report(whole, tmp_path_factory):
    return write(whole, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def page(chromium, report):
    """The report, fresh; whatever a test does, the page has no complaint and asks for nothing."""
    chromium.events.clear()
    chromium.js("try { localStorage.clear() } catch {}")
    chromium.open(report)
    yield chromium
    assert chromium.complaints == []
    assert {url for url in chromium.requests if not url.startswith("blob:")} == {report.resolve().as_uri()}


def choose(page, column):
    page.js(f"document.querySelector('#sort').value = {column!r}")
    page.js("document.querySelector('#sort').dispatchEvent(new Event('change'))")


def sorted_rows(table, column, ascending):
    """Rows as the page should show them: ties in the order of the table, missing ones last."""
    keys = table[column].to_numpy(dtype=float)
    signed = keys if ascending else -keys
    return np.argsort(np.where(np.isnan(signed), np.inf, signed), kind="stable").tolist()


def test_it_opens_with_the_best_first(page):
    assert page.js(PLACES) == list(range(60))
    assert (
        page.js("document.querySelector('#count').textContent")
        == "80 of 80 molecules; the first 60 of them are shown"
    )
    assert page.js("document.title") == "80 molecules for rings ≥ 1, logP = 1 ± 0.5, gap = 0.3 ± 0.01 hartree"


@pytest.mark.parametrize("column", ["logP", "TPSA", "rings", "gap_uncertainty"])
def test_sorting_by_numbers_both_ways(page, whole, column):
    page.click("#all")
    choose(page, column)
    assert page.js(PLACES) == sorted_rows(whole.table, column, ascending=True)
    page.click("#order")
    assert page.js("document.querySelector('#order').textContent") == "Descending"
    assert page.js(PLACES) == sorted_rows(whole.table, column, ascending=False)
    choose(page, "")
    assert page.js(PLACES) == list(range(80))


def test_sorting_by_flags_and_text(page, whole):
    page.click("#all")
    choose(page, "hit")
    assert page.js(PLACES) == sorted_rows(whole.table, "hit", ascending=False)
    choose(page, "smiles")
    assert page.js(PLACES) == np.argsort(whole.table["smiles"].to_numpy(dtype=str), kind="stable").tolist()


def test_what_is_sorted_by_stands_on_the_cards(page, whole):
    choose(page, "TPSA")
    first = sorted_rows(whole.table, "TPSA", ascending=True)[0]
    assert (
        page.js(f"{SHOWN}[0].querySelector('.by').textContent") == f"TPSA{whole.table['TPSA'][first]:.1f} Å²"
    )
    choose(page, "logP")  # which is there already
    assert page.js("document.querySelector('.card:not([hidden]) .by')") is None


def test_filters(page, whole):
    table = whole.table
    page.click("#only-hits")
    assert page.js(PLACES) == np.flatnonzero(table["hit"]).tolist()
    hits = int(table["hit"].sum())
    assert page.js("document.querySelector('#count').textContent") == f"{hits} of 80 molecules"
    page.click("#only-novel")
    assert page.js(PLACES) == np.flatnonzero(table["hit"] & table["novel"]).tolist()
    page.click("#only-hits")
    page.click("#only-novel")
    page.click("#text")
    page.type("C#N")
    assert page.js(PLACES) == np.flatnonzero(table["smiles"].str.contains("C#N", regex=False)).tolist()
    page.type("nothing of the kind")
    assert page.js("document.querySelector('#count').textContent") == "0 of 80 molecules"
    assert page.js("document.querySelector('#download').disabled")


def test_more_and_all(page):
    page.click("#more")
    assert len(page.js(PLACES)) == 80
    assert page.js("getComputedStyle(document.querySelector('.more')).display") == "none"


def test_copying(page, whole):
    page.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.call("Page.bringToFront")
    page.click(".card .copy")
    page.until("document.querySelector('.card .copy').textContent === 'copied'")
    assert page.js("navigator.clipboard.readText()") == whole.table["smiles"][0]
    page.click("#only-hits")
    page.click("#copy-all")
    page.until("document.querySelector('#copy-all').textContent === 'copied'")
    copied = page.js("navigator.clipboard.readText()")
    assert copied.split("\n") == whole.table["smiles"][whole.table["hit"]].tolist()
    page.click("[data-copy=repeat-command]")
    page.until("document.querySelector('[data-copy=repeat-command]').textContent === 'copied'")
    assert page.js("navigator.clipboard.readText()") == whole.command


def test_copying_where_the_clipboard_is_refused(page, whole):
    page.js("navigator.clipboard.writeText = () => Promise.reject(new Error('refused'))")
    page.js(
        "document.addEventListener('copy', () => { window.copied = String(document.activeElement.value) })"
    )
    page.click(".card .copy")
    page.until("document.querySelector('.card .copy').textContent === 'copied'")
    assert page.js("window.copied") == whole.table["smiles"][0]


def test_download_is_what_is_shown_as_the_csv_has_it(page, whole, tmp_path):
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    choose(page, "logP")
    page.click("#only-novel")
    page.click("#download")
    file = tmp_path / "molecules-shown.csv"
    until = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    rows = [row for row in sorted_rows(whole.table, "logP", ascending=True) if whole.table["novel"][row]]
    expected = io.StringIO()
    whole.table.iloc[rows].to_csv(expected, index=False)
    assert list(csv.reader(file.open(encoding="utf-8"))) == list(csv.reader(io.StringIO(expected.getvalue())))
    pd.testing.assert_frame_equal(pd.read_csv(file), pd.read_csv(io.StringIO(expected.getvalue())))


def test_one_molecule_by_keyboard(page, whole):
    page.js("document.querySelector('.card .open').focus()")
    page.press("Enter")
    assert page.js("document.querySelector('#one').open")
    assert page.js("document.querySelector('#one-smiles').textContent") == whole.table["smiles"][0]
    page.press("ArrowRight")
    assert page.js("document.querySelector('#one-smiles').textContent") == whole.table["smiles"][1]
    rows = page.js(
        "[...document.querySelectorAll('#values tr')].map(row => [...row.children].map(c => c.textContent))"
    )
    values = {row[0]: row[1:] for row in rows}
    second = whole.table.iloc[1]
    assert values["logP"] == [f"{second['logP']:.2f}".replace("-", "−"), ""]
    assert values["gap"] == [f"{second['gap']:.3f} ± {second['gap_uncertainty']:.3f}", "hartree"]
    assert values["hit"] == ["yes" if second["hit"] else "no", ""]
    assert "max_sim_train" not in values
    page.press("ArrowLeft")
    page.press("ArrowLeft")  # there is none before the first
    assert page.js("document.querySelector('#one-smiles').textContent") == whole.table["smiles"][0]
    page.press("Escape")
    assert not page.js("document.querySelector('#one').open")
    assert page.js("document.activeElement.className") == "open mol"


def test_everything_can_be_reached_and_seen_with_the_tab_key(page):
    seen = []
    for _ in range(22):
        page.press("Tab")
        seen.append(page.js("(e => e.id || e.className || e.getAttribute('href'))(document.activeElement)"))
        assert page.js("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert seen[0] == "skip"
    for name in (
        "theme",
        "sort",
        "order",
        "only-hits",
        "only-novel",
        "text",
        "copy-all",
        "download",
        "open mol",
    ):
        assert name in seen


def test_light_and_dark(page):
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.js(colour)
    page.click("#theme")
    assert page.js(colour) == light
    page.click("#theme")
    dark = page.js(colour)
    assert dark != light
    assert page.js("document.querySelector('#theme').textContent") == "Theme: dark"
    page.click("#theme")
    assert page.js(colour) == light
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert page.js(colour) == dark
    page.call("Emulation.setEmulatedMedia", media="print", features=[])
    assert page.js(colour) == light
    assert page.js("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.js("getComputedStyle(document.querySelector('.tools')).display") == "none"
    page.call("Emulation.setEmulatedMedia", media="", features=[])


def test_it_prints(page):
    assert page.printed().startswith(b"%PDF")
    assert page.js("document.querySelector('.settings').open")


def test_bars_say_their_numbers(page):
    said = page.js("[...document.querySelectorAll('.chart')][0].querySelectorAll('title')[0].textContent")
    assert said.startswith("0: ")
    assert "of 80 returned" in said


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(page, theme):
    """Contrast of at least 4.5 to 1, as WCAG has it, of what is written on what."""
    page.js(f"document.documentElement.dataset.theme = {theme!r}")
    pairs = [("--text", "--back"), ("--soft", "--back"), ("--soft", "--panel"), ("--goal-edge", "--goal")]
    pairs += [
        ("--novel-text", "--novel"),
        ("--miss", "--back"),
        ("--accent", "--back"),
        ("--goal-edge", "--back"),
    ]
    pairs += [(f"--{name}", "--back") for name in ("N", "O", "F", "Cl", "Br", "I", "S", "P")]
    style = "getComputedStyle(document.documentElement).getPropertyValue"
    for names in pairs:
        assert contrast(*(page.js(f"{style}('{name}')") for name in names)) >= 4.5, names


@pytest.mark.parametrize("width", [375, 800, 1280])
def test_nothing_is_wider_than_the_screen(made, tmp_path, width):
    name = "max_of_a_very_long_package_name.scores:potency_against_the_receptor_of_interest"
    generation = made()
    generation.table = generation.table.rename(columns={"gap": name, "gap_error": f"{name}_error"})
    generation.training[name] = {**generation.training.pop("gap"), "name": name}
    record = {"files": [], **generation.run_record()}
    record["goals"][2] |= {"property": name, "goal": f"{name}=0.3±0.01"}
    record["scorers"] = {name: {"oracle_calls": 10, "budget": 20}}
    path = tmp_path / "report.html"
    path.write_text(run_page(generation.table, record), encoding="utf-8")
    with Browser(width, 800) as browser:
        browser.open(path)
        assert browser.js("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
        browser.click(".card .open")
        assert browser.js(
            "document.querySelector('#one').scrollWidth <= document.querySelector('#one').clientWidth"
        )
        assert browser.complaints == []


def test_hostile_text_does_nothing(hostile, tmp_path):
    table, record, filtered = hostile
    path = tmp_path / "report.html"
    path.write_text(run_page(table, record, filtered=filtered), encoding="utf-8")
    with Browser() as browser:
        browser.open(path)
        browser.click(".card .open")
        browser.press("Escape")
        choose(browser, "smiles")
        assert browser.js("document.title").startswith("3 molecules for")
        assert browser.js("document.images.length") == 0
        assert browser.complaints == []
        assert browser.requests == [path.resolve().as_uri()]
