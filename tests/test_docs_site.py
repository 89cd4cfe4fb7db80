"""The site has every page, and asks nobody else for anything."""

import re
from typing import Final

from tests.documents.blocks import ROOT

SITE: Final = ROOT / "docs" / "site"


def test_every_page_is_in_the_navigation() -> None:
    """mkdocs.yml names each page but the single decisions, which their list leads to."""
    text = (SITE / "mkdocs.yml").read_text(encoding="utf-8")
    told = set(re.findall(r"([\w/-]+\.md)$", text, re.MULTILINE))
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert {name for name in there if not re.search(r"decisions/\d", name)} - told == set()


def test_nothing_is_fetched_from_elsewhere() -> None:
    """No font, no script, no repository's figures: what readers open tells nobody that they did."""
    for path in SITE.iterdir():
        if path.is_file():
            assert "//" not in re.sub(r"^\s*(#|//|/\*).*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert "font: false" in (SITE / "mkdocs.yml").read_text(encoding="utf-8")
