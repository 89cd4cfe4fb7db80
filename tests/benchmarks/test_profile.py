"""Stacks are counted for whoever they belong to, and the page is filled between its markers."""

from pathlib import Path

import pytest

import importer
from benchmarks.document import filled
from benchmarks.profiling import collapse

HOUSE = Path(importer.__file__).parent.as_posix()


def test_a_sample_counts_for_the_innermost_function_of_the_importer() -> None:
    """A library's frames belong to who called it; the loop, answers coming in and imports have lines of their own."""
    main = f"main ({HOUSE}/cli/app.py:3)"
    loop = "BaseEventLoop._run_once (/lib/asyncio/base_events.py:1)"
    found = collapse([
        f"{main};{loop};work ({HOUSE}/sending.py:9);dumps (/site-packages/orjson/__init__.py:1) 4",
        f"{main};{loop};data_received (/site-packages/aiohttp/client_proto.py:2) 2",
        f"{main};{loop};select (/lib/selectors.py:5) 1",
        f"{main};_find_and_load (<frozen importlib._bootstrap>:1) 2",
        "_bootstrap (/lib/threading.py:1) 1",
    ])  # fmt: skip
    assert found.samples == 10
    assert dict(found.functions) == {
        "sending.py work": 0.4,
        "aiohttp, as bytes come in": 0.2,
        "imports of modules": 0.2,
        "the event loop": 0.1,
        "worker threads by themselves": 0.1,
    }
    assert dict(found.modules)["sending.py"] == 0.4


def test_only_what_is_between_the_markers_changes() -> None:
    """The rest of the page stays, a second filling replaces the first, and a part without a place is an error."""
    page = "before\n<!-- goals: begin -->\nold \\1\n<!-- goals: end -->\nafter\n"
    once = filled(page, {"goals": "new \\2"})
    assert once == "before\n<!-- goals: begin -->\n\nnew \\2\n\n<!-- goals: end -->\nafter\n"
    assert filled(once, {"goals": "new \\2"}) == once
    with pytest.raises(ValueError, match="runs"):
        filled(page, {"runs": ""})
