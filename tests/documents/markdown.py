"""Tables as Markdown."""

from collections.abc import Iterable


def row(*cells: object) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def table(*heads: str, rows: Iterable[str]) -> list[str]:
    """Return a table."""
    return [row(*heads), "|" + "---|" * len(heads), *rows]


def code(text: object) -> str:
    """Return `text` as code, or nothing for nothing."""
    return f"`{text}`" if text not in {"", None} else ""
