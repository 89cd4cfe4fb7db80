"""The page: everything is on it, nothing hostile becomes markup, nothing is loaded from elsewhere."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import ExitStatus
from importer.legible import UNSAFE
from importer.report.books import Books
from importer.report.facts import Doubt, Facts, Failure, Failures, Setting, Step
from importer.report.page import ROWS_FIRST, data, render
from importer.report.timeline import Sample

NOW: Final = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
HOSTILE: Final = (
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "'\"><svg/onload=alert(1)>", "{{ 7 * 7 }}",
    "{% raw %}", "<!--", "]]>", "&lt;b&gt;", "\u202egnp.exe", "\u2028", "\x00", "x" * 100_000,
)  # fmt: skip


def failure(text: str = "Spring", at: int = 0) -> Failure:
    """Return a failed row which holds `text` wherever it may hold any."""
    return Failure(source=text, line=at + 2, ordinal=at, name=text, code="invalid_date", column=text, message=text)


def facts(text: str = "Spring", rows: int = 2) -> Facts:
    """Return the facts of a run with everything in it, `text` wherever something comes from outside."""
    failures = tuple(failure(text, at) for at in range(rows))
    samples = tuple(
        Sample(
            from_s=float(at), to_s=at + 1.0, created=50, settled=50, requests=1, answers=1, answer_s=0.2, slowest_s=0.2,
            permitted_per_s=19.0, in_flight=1, workers=4, doubted=0,
        ) for at in range(5)
    )  # fmt: skip
    return Facts(
        run=3, ledger=text, tool="0.1.0", account=text, simulated=False, sources=(text,),
        started_at="2026-11-26T15:59:00+00:00", seconds=5.0, status=ExitStatus.SOME_FAILED, reason=text, hint=text,
        books=Books(read=250 + rows, created=250, failed=rows),
        counts={"requests": 9, "throttled": 1, "notices": [text]},
        samples=samples, settings=(
            Setting(name="--key", value=text, origin=text), Setting(name="--rate", value="not set", origin=None)),
        next_steps=(Step(why="to go on", command=text),),
        failures=Failures(
            rows=failures, total=rows, counts={"invalid_date": rows, text: 1}, first={text: failures[:1]}),
        doubts=(Doubt(at=0.0, records=50, why=text, settled=(text,), names=(text,), earlier=False),), doubts_total=1,
    )  # fmt: skip


class Reader(HTMLParser):
    """Reads a page as a browser does, and notes what is in it."""

    def __init__(self, page: str) -> None:
        """Read `page`."""
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.held: dict[str, list[str]] = {"script": [], "style": []}
        self.text: list[str] = []
        self._open = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element; what a script or style holds is no markup."""
        self.tags.append((tag, dict(attrs)))
        if tag in self.held:
            self._open = tag
            self.held[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        """Note that it ended."""
        self._open = "" if tag == self._open else self._open

    def handle_data(self, data: str) -> None:
        """Note text."""
        if self._open:
            self.held[self._open][-1] += data
        else:
            self.text.append(data)


@cache
def harmless() -> list[tuple[str, list[str]]]:
    """Return the shape of a page in which nothing is hostile."""
    return shape(render(facts("harmless"), NOW))


def shape(page: str) -> list[tuple[str, list[str]]]:
    """Return the elements of a page with the names of their attributes."""
    return [(tag, sorted(attributes)) for tag, attributes in Reader(page).tags]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_hostile_text_makes_no_markup(text: str) -> None:
    """Whatever a cell holds, the page has the very elements and attributes that it has with a harmless word."""
    assert shape(render(facts(text), NOW)) == harmless()


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_no_text_makes_markup_or_steers(text: str) -> None:
    """The same for any text; and no character that turns the reading direction is left anywhere."""
    page = render(facts(text), NOW)
    assert shape(page) == harmless()
    assert UNSAFE.search(page) is None


@given(st.lists(st.text(max_size=30), max_size=5))
def test_the_rows_travel_as_json_that_nothing_ends(texts: list[str]) -> None:
    """The data for the script is JSON with all rows, and holds nothing that could end a script."""
    rows = tuple(failure(text, at) for at, text in enumerate(texts))
    held = data(replace(facts(), failures=Failures(rows=rows, total=len(rows))))
    assert not set("<>&\u2028\u2029") & set(held)
    table = json.loads(held)
    assert [row[2] for row in table["rows"]] == list(range(len(texts)))
    assert all(table["codes"][row[3]] == "invalid_date" for row in table["rows"])


def test_only_the_page_s_own_script_and_style_may_run() -> None:
    """The policy names the digest of the one script and the one style, and permits nothing else; no handler inline."""
    page = render(facts(), NOW)
    reader = Reader(page)
    policy = next(a["content"] for tag, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy") or ""
    digests = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in (reader.held["style"][0], reader.held["script"][-1])
    ]
    assert policy.startswith("default-src 'none'")
    assert re.findall(r"'sha256-[^']+'", policy) == digests
    assert len(reader.held["script"]) == 2
    assert not [
        name for _, attributes in reader.tags for name in attributes if name.startswith("on") or name == "style"
    ]


def test_nothing_is_loaded_from_elsewhere() -> None:
    """No address but that of an empty picture and of a place in the page."""
    addresses = [
        value for _, attributes in Reader(render(facts(), NOW)).tags
        for name, value in attributes.items() if name in {"href", "src", "action", "srcset", "data"}
    ]  # fmt: skip
    assert set(addresses) == {"data:,", "#main"}


def test_everything_is_on_the_page() -> None:
    """Outcome, account, books, failures with their remedy, doubts, charts, settings and the next command show."""
    text = " ".join(Reader(render(facts("Spring", rows=2), NOW)).text)
    for wanted in (
        "2 rows of 252 need mending", "252 read = 250 created + 2 failed", "Write the date as the mapping states it",
        "What was in doubt", "Campaigns made, a second", "permitted: 190", "1 pause that HubSpot asked for", "--key",
        "How to go on", "To go on", "26 November 2026, 16:00 UTC",
    ):  # fmt: skip
        assert wanted in text
    assert "Rehearsal" not in text


def test_a_rehearsal_is_said_loudly() -> None:
    """Nobody can take a rehearsal for the real thing."""
    text = " ".join(Reader(render(replace(facts(), simulated=True), NOW)).text)
    assert "Nothing was sent to a real account." in text


def test_a_page_without_script_shows_the_first_rows() -> None:
    """The first rows are in the table already; what is beyond the page's cap is said."""
    many = facts(rows=ROWS_FIRST + 10)
    page = render(replace(many, failures=replace(many.failures, total=99_999)), NOW)
    assert page.count('<tr role="row"><td') == ROWS_FIRST
    assert f"the first {ROWS_FIRST + 10} of 99,999 rows" in page
    assert "failures.jsonl" in page


def test_a_run_without_an_end_has_a_page() -> None:
    """A killed run has no books, and says so instead of showing none."""
    bare = Facts(
        run=1, ledger="a.ledger", tool=None, account="1", simulated=False, sources=(), started_at=None, seconds=None,
        status=None, reason=None, hint=None, books=None,
    )  # fmt: skip
    text = " ".join(Reader(render(bare, NOW)).text)
    assert "This run has not told its end" in text
    assert "The run left no books." in text


def test_books_that_do_not_balance_are_an_alarm() -> None:
    """The one thing that must never be overlooked is said in words."""
    page = render(replace(facts(), status=ExitStatus.BOOKS, books=Books(read=10, created=9)), NOW)
    assert "The books do not balance:" in page
