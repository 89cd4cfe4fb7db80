"""The system's Chromium, driven; where it, or what drives it, is not there, that is said."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def missing() -> str | None:
    """Return what is missing to drive a browser; None when everything is there."""
    if find_spec("playwright") is None or find_spec("axe_playwright_python") is None:
        return "the packages of requirements/browser.txt are not installed (make browser)"
    if program() is None:
        return f"none of {', '.join(_NAMES)} is on the path"
    return None


def program() -> str | None:
    """Return the path of the browser."""
    return next((path for path in map(shutil.which, _NAMES) if path), None)


@contextmanager
def browser() -> Iterator[Any]:
    """Start a browser without a window, and end it."""
    with import_module("playwright.sync_api").sync_playwright() as driver:
        # Root, as in a container, has no sandbox to put it into; it only ever opens files of ours.
        started = driver.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


def violations(page: Any) -> list[str]:
    """Return what axe-core finds wrong with a page, a line each."""
    axe = import_module("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response["violations"]
    return [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]]
