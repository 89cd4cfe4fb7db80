"""A proposal as a configuration file that people can read and change. This module is pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from importer.items.mapped import is_item
from importer.proposing.proposal import Feed, Proposal


def quoted(text: str) -> str:
    """Return `text` as TOML's basic string; what does not print is escaped."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else _escaped(one) for one in written)


def _escaped(one: str) -> str:
    return f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}"


def head(command: str, looked_at: str, settings: Mapping[str, Any]) -> list[str]:
    """Return the lines before a mapping: what the file is for, and the settings that the source needs."""
    return [
        f"# What `{command}` does here. Written by `importer init`, which looked at",
        f"# {looked_at}. Change what you like: `importer check` says what becomes of it.",
        "",
        "[run]",
        *(f"{name} = {value(one)}" for name, one in settings.items()),
    ]


def mapping_lines(proposal: Proposal) -> list[str]:
    """Return the lines of a proposed mapping, each decision with its reason."""
    feeds = proposal.feeds
    simple = [feed for feed in feeds if "values" not in feed.rule]
    tables = [feed for feed in feeds if "values" in feed.rule]
    return [
        "",
        "[mapping]",
        "# Under this name keys are compared: it keeps two systems' numbers apart.",
        f"name = {quoted(proposal.name)}",
        "",
        "# What makes two rows the same campaign.",
        *([f"# {proposal.key_reason}"] if proposal.key else _commented(proposal.key_reason)),
        *([f"key = {value(list(proposal.key))}"] if proposal.key else ['# key = ["…"]']),
        "",
        *_ignored(proposal),
        "[mapping.properties]",
        *(line for feed in simple for line in _simple(feed)),
        *(line for feed in tables for line in _table(feed)),
    ]


def _commented(text: str) -> list[str]:
    return [f"# {text[0].upper()}{text[1:]}."]


def _ignored(proposal: Proposal) -> Iterator[str]:
    if not proposal.left:
        return
    yield "# Columns that are not imported, and why."
    yield "ignore = ["
    for column, reason in proposal.left.items():
        if column.strip():
            yield f"  {quoted(column)},  # {_plain(reason)}"
    yield "]"
    yield ""


def _simple(feed: Feed) -> Iterator[str]:
    yield f"# {_plain(feed.reason)}"
    yield from (f"# LOOK: {_plain(doubt)}" for doubt in feed.doubts)
    rule = feed.rule
    if list(rule) == ["column"]:
        yield f"{_key(feed.prop)} = {quoted(feed.column)}"
    else:
        yield f"{feed.prop} = {{ " + ", ".join(f"{name} = {value(one)}" for name, one in rule.items()) + " }"


def _key(prop: str) -> str:
    """Return a property's name as a key of TOML: the field of an item has dots in it."""
    return quoted(prop) if is_item(prop) else prop


def _table(feed: Feed) -> Iterator[str]:
    yield ""
    yield f"# {_plain(feed.reason)}"
    yield f"[mapping.properties.{feed.prop}]"
    yield f"column = {quoted(feed.column)}"
    yield f"otherwise = {quoted(feed.rule['otherwise'])}  # a label that is not listed: fail, keep, drop"
    yield ""
    yield f"[mapping.properties.{feed.prop}.values]"
    for label, meant in feed.rule["values"].items():
        note = "" if meant else "  # LOOK: not known; blank leaves the property out"
        yield f"{quoted(label)} = {quoted(meant)}{note}"


def _plain(text: str) -> str:
    """Return `text` as it may stand in a comment."""
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def value(one: Any) -> str:
    """Return a plain value as TOML."""
    if isinstance(one, list | tuple):
        return "[" + ", ".join(value(part) for part in one) + "]"
    if isinstance(one, bool):
        return str(one).lower()
    return quoted(str(one))
