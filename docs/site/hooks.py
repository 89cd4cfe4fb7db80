"""What mkdocs cannot do by itself: pages that stand above docs/, and links that lead there."""

import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[2]
_ABOVE: Final = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
_FOLDER: Final = "project"
_UP: Final = re.compile(rf"\]\((?:\.\./)+({'|'.join(map(re.escape, _ABOVE))})(#[^)]*)?\)")
_DOWN: Final = re.compile(r"\]\(docs/([^)]*)\)")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the documents of the top folder as pages of `project/`, and the script that the search needs in files."""
    script = Path(__file__).with_name("iframe-worker.js").read_text(encoding="utf-8")
    files.append(File.generated(config, "assets/iframe-worker.js", content=script))
    for name in _ABOVE:
        text = (ROOT / name).read_text(encoding="utf-8")
        text = _DOWN.sub(r"](../\1)", text).replace(
            "](../explanation/decisions)", "](../explanation/decisions/index.md)"
        )
        files.append(File.generated(config, f"{_FOLDER}/{name}", content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: Any, files: Files) -> str:
    """Lead links to the top folder's documents into `project/`, and links to the folder of decisions to its page."""
    del config, files
    depth = page.file.src_uri.count("/")
    markdown = markdown.replace("](decisions)", "](decisions/index.md)")
    return _UP.sub(lambda link: f"]({'../' * depth}{_FOLDER}/{link[1]}{link[2] or ''})", markdown)
