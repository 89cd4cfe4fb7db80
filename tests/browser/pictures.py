"""The pictures of docs/pictures, taken of the real thing: `python -m tests.browser.pictures` (make pictures).

The report in light, dark and narrow, by Chromium; the terminal while a run is at work, by tmux.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.browser import chromium
from tests.browser.sample import page

PICTURES: Final = Path(__file__).resolve().parents[2] / "docs" / "pictures"
_VIEWS: Final = {"light": ("light", 1000, 1180), "dark": ("dark", 1000, 1180), "narrow": ("light", 400, 1180)}
_COLUMNS, _LINES = 88, 24
_ROWS: Final = 24_000
_PATIENCE_S: Final = 60.0
#: The font that rich would have fetched from elsewhere (the next of its list will do), and its own comment.
_FETCHED: Final = re.compile(r"@font-face \{\{.*?\}\}|<!--.*?-->", re.DOTALL)


def report() -> None:
    """Take pictures of a report."""
    with tempfile.TemporaryDirectory() as folder, chromium.browser() as started:
        path = Path(folder) / "report.html"
        path.write_text(page(hostile=False), encoding="utf-8")
        for name, (scheme, width, height) in _VIEWS.items():
            tab = started.new_context(color_scheme=scheme, viewport={"width": width, "height": height}).new_page()
            tab.goto(path.as_uri())
            tab.screenshot(path=PICTURES / f"report-{name}.png")
            if name == "light":
                tab.locator("section[aria-labelledby=time-title]").screenshot(path=PICTURES / "report-time.png")


def terminal() -> None:
    """Take a picture of a terminal in which an import is at work."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [f"Autumn offer {at},2026-{'10' if at % 900 else '13'}-01" for at in range(_ROWS)]
        (Path(folder) / "offers.csv").write_text("\n".join(["hs_name,hs_start_date", *rows, ""]))
        seen = _seen(folder, ["importer", "run", "--simulate", "--fault", "503@40", "offers.csv"])
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ importer run --simulate --fault 503@40 offers.csv", style="bold"))
    console.print(Text.from_ansi(seen.rstrip()))
    code = _FETCHED.sub("", CONSOLE_SVG_FORMAT)
    picture = console.export_svg(title="importer run", theme=MONOKAI, code_format=code, unique_id="progress")
    (PICTURES / "progress.svg").write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n")


def _seen(folder: str, command: list[str]) -> str:
    """Return what a terminal shows, escapes and all, once an error was cured there; end the terminal."""
    tmux = ["tmux", "-L", f"importer-pictures-{os.getpid()}", "-f", os.devnull]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TERM": "xterm-256color"}
    size = ["-x", str(_COLUMNS), "-y", str(_LINES)]
    subprocess.run([*tmux, "new-session", "-d", *size, "-c", folder, *command], check=True, env=environment)
    try:
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            captured = [*tmux, "capture-pane", "-p", "-e"]
            shown = subprocess.run(captured, check=True, capture_output=True, text=True).stdout
            if "(cured)" in shown and re.search(r"[5-9]\d%", shown):
                return shown
            time.sleep(0.2)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    sys.exit(f"no picture of the terminal: it showed\n{shown}")


def main() -> None:
    """Take all pictures."""
    lacking = chromium.missing() or (None if shutil.which("tmux") else "tmux is not on the path")
    if lacking is not None:
        sys.exit(f"no pictures: {lacking}")
    PICTURES.mkdir(exist_ok=True)
    report()
    terminal()


if __name__ == "__main__":
    main()
