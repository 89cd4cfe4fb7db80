"""The report in a real Chromium: nothing breaks, everybody can read and use it, nothing hostile runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import chromium
from tests.browser.sample import HOSTILE, page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium.missing() is not None, reason=f"no browser: {chromium.missing()}"),
    pytest.mark.filterwarnings("default"),  # what drives the browser is not ours
]


@pytest.fixture(scope="module")
def started() -> Iterator[Any]:
    """Return a browser."""
    with chromium.browser() as one:
        yield one


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of a report of which 212 rows failed, some of them hostile."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(), encoding="utf-8")
    return path.as_uri()


class Seen:
    """A page that was opened, and what happened on it that should not."""

    def __init__(self, started: Any, address: str, **context: Any) -> None:
        """Open `address` and listen."""
        self.wrong: list[str] = []
        self.page = started.new_context(**context).new_page()
        self.page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.goto(address)

    def _asked(self, url: str) -> None:
        if not url.startswith(("file:", "data:,")):
            self.wrong.append(f"request: {url}")

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        return str(self.page.text_content(selector))

    def rows(self) -> list[str]:
        """Return the text of each row of the table of failures."""
        return list(self.page.locator("#failures tbody tr").all_inner_texts())


@pytest.mark.parametrize("width", [1100, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(started: Any, address: str, scheme: str, width: int) -> None:
    """Axe finds nothing, folded parts included; nothing sticks out of a narrow screen; no error, no request."""
    seen = Seen(started, address, color_scheme=scheme, viewport={"width": width, "height": 800})
    seen.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert chromium.violations(seen.page) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") == width
    assert seen.wrong == []


def test_the_other_view_can_be_read_too_and_is_not_remembered(started: Any, address: str) -> None:
    """The button turns light into dark, in AA contrast; after a reload it is light again, and nothing is stored."""
    seen = Seen(started, address, color_scheme="light")
    before = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    seen.page.click("#theme")
    assert seen.text("#theme") == "Light view"
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert chromium.violations(seen.page) == []
    assert seen.page.evaluate("document.cookie") == ""
    seen.page.reload()
    assert seen.text("#theme") == "Dark view"
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == before


def test_rows_are_searched_sorted_and_paged_by_keyboard(started: Any, address: str) -> None:
    """Words narrow the rows, a heading sorts both ways and says so, pages turn: without a mouse."""
    seen = Seen(started, address)
    assert len(seen.rows()) == 50
    assert seen.text("#page") == "Page 1 of 5"
    seen.page.focus("#search")
    seen.page.keyboard.type("newsletter 1")
    assert 0 < len(seen.rows()) <= 50
    assert all("newsletter" in row.casefold() for row in seen.rows())
    seen.page.fill("#search", "")
    seen.page.focus("th[data-sort=name] button")
    seen.page.keyboard.press("Enter")
    assert seen.page.get_attribute("th[data-sort=name]", "aria-sort") == "ascending"
    first = seen.rows()[0]
    seen.page.keyboard.press("Enter")
    assert seen.page.get_attribute("th[data-sort=name]", "aria-sort") == "descending"
    assert seen.rows()[0] != first
    seen.page.focus("#following")
    seen.page.keyboard.press("Enter")
    assert seen.text("#page") == "Page 2 of 5"
    assert "51 to 100 shown" in seen.text("#found")
    seen.page.select_option("#code", label="name_missing")
    assert all("name_missing" in row for row in seen.rows())
    assert seen.wrong == []


def test_the_first_stop_of_the_keyboard_leads_past_the_head(started: Any, address: str) -> None:
    """Tab shows a link to the report itself, and each stop after it can be seen."""
    seen = Seen(started, address)
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"
    assert seen.page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_nothing_hostile_runs(started: Any, address: str) -> None:
    """Rows that are markup are shown as text, in the table of the script too; the page stays what it is."""
    seen = Seen(started, address)
    shown = "\n".join(seen.rows())
    for text in HOSTILE:
        assert text.replace("\u202e", "\\u202e") in shown
    assert seen.page.title().endswith("import report, run 2")
    assert seen.page.locator("#failures img, #failures svg, #failures script").count() == 0
    assert seen.wrong == []


def test_on_paper_there_are_no_buttons_and_more_rows(started: Any, address: str) -> None:
    """Printed, it is dark on white whatever the view; controls are gone, and all rows are there."""
    seen = Seen(started, address, color_scheme="dark")
    seen.page.emulate_media(media="print")
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for control in ("#theme", "#controls", "#pages"):
        assert not seen.page.is_visible(control)
    seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(seen.rows()) == 212
    seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(seen.rows()) == 50


def test_without_scripts_it_can_still_be_read(started: Any, address: str) -> None:
    """The first rows stand there, and no control that would do nothing."""
    seen = Seen(started, address, java_script_enabled=False)
    assert len(seen.rows()) == 50
    for control in ("#theme", "#controls", "#pages"):
        assert not seen.page.is_visible(control)


def test_a_report_without_failures_is_whole(started: Any, tmp_path: Path) -> None:
    """Where there is no table, its script does nothing and breaks nothing."""
    path = tmp_path / "report.html"
    path.write_text(page(0), encoding="utf-8")
    seen = Seen(started, path.as_uri())
    assert seen.page.locator("#failures").count() == 0
    assert chromium.violations(seen.page) == []
    assert seen.wrong == []


def test_ten_thousand_failures_can_be_searched(started: Any, tmp_path: Path) -> None:
    """All of them are there; `python -m tests.browser.opening` says how long that takes."""
    path = tmp_path / "report.html"
    path.write_text(page(10_000), encoding="utf-8")
    seen = Seen(started, path.as_uri())
    assert seen.text("#page") == "Page 1 of 200"
    seen.page.fill("#search", "newsletter 9998")
    assert len(seen.rows()) == 1
    assert seen.wrong == []
