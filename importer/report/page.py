"""report.html: one page that needs nothing from elsewhere, made of `Facts` by a template.

Whatever comes from a source or from HubSpot is hostile here: the template escapes, the rows travel as JSON that no
markup can end, characters that steer the reading direction are spelt, and a content security policy lets nothing run
or load but the page's own script and style, which it knows by their digest.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import orjson

from importer.errors import ExitStatus
from importer.legible import one_line, shareable
from importer.problems import CODES
from importer.report.charts import HEIGHT, WIDTH, Segment, balance, charts
from importer.report.facts import Facts, Failure
from importer.report.item_books import ItemBooks
from importer.report.words import duration, many, verdict

if TYPE_CHECKING:
    from jinja2 import Environment, Template

ROWS_FIRST: Final = 50  #: rows of the table that stand in the page before its script has run
_FOLDER: Final = "templates"
_MESSAGE_MAX: Final = 600  #: characters
_NAME_MAX: Final = 200
_SAMPLES_TABLE_MAX: Final = 60  #: rows of the table that stands in for the charts

_REMARKS: Final[Mapping[str, tuple[str, str]]] = {
    "recovered": ("record", "of earlier runs settled"),
    "changed": ("row", "skipped although changed since they were sent (changed.jsonl lists them)"),
    "gone": ("campaign", "made earlier from these sources and not in them any more"),
    "resent": ("request", "sent again"),
    "throttled": ("pause", "that HubSpot asked for; nothing was lost by it"),
    "unexpected": ("campaign", "in HubSpot's answers that belong to none of these rows"),
}


def render(facts: Facts, made_at: datetime) -> str:
    """Return the page. Raises nothing but what a broken installation raises."""
    style, script = resource("report.css"), resource("report.js")
    return report_template().render(
        _seen(facts) | {"style": style, "script": script, "policy": policy(style, script), "made_at": _when(made_at)}
    )


def report_template() -> "Template":
    """Return the template of the report; it is compiled once in a process."""
    return template("report.html", {"clock": _clock})


def template(name: str, more: Mapping[str, Callable[[Any], str]]) -> "Template":
    """Return the template called `name`, which escapes what it is given; `more` are filters of its own."""
    environment = _environment()
    environment.filters |= more
    return environment.get_template(name)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 - slow, and most commands need none

    environment = Environment(
        loader=FunctionLoader(resource), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"n": _number, "many": many, "duration": duration, "line": _line, "long": _long}
    return environment


def _seen(facts: Facts) -> dict[str, Any]:
    """Return what the template names."""
    books = facts.books
    segments = balance(books) if books is not None else ()
    items = ItemBooks.of(facts.counts.get("items"))
    unbalanced = facts.status is ExitStatus.BOOKS
    return {
        "facts": facts,
        "verdict": verdict(facts.status, books, facts.reason, items),
        "items_told": items.line() if items.any else "",
        "started": _when(datetime.fromisoformat(facts.started_at)) if facts.started_at else None,
        "segments": segments,
        "books_told": _books_told(facts, segments),
        "unbalanced": unbalanced,
        "charts": charts(facts.samples),
        "width": WIDTH,
        "height": HEIGHT,
        "figures": _figures(facts),
        "remarks": [
            f"{many(facts.counts[name], noun)} {words}"
            for name, (noun, words) in _REMARKS.items()
            if facts.counts.get(name)
        ],
        "notices": list(facts.counts.get("notices") or ()),
        "groups": _groups(facts),
        "first": facts.failures.rows[:ROWS_FIRST],
        "data": data(facts),
        "set_by_someone": [setting for setting in facts.settings if setting.origin],
        "defaults": [setting for setting in facts.settings if not setting.origin],
    }


def _books_told(facts: Facts, segments: tuple[Segment, ...]) -> str:
    if facts.books is None:
        return ""
    parts = " + ".join(f"{segment.rows:,} {segment.label}" for segment in segments) or "nothing"
    return f"{facts.books.read:,} read = {parts}"


def _groups(facts: Facts) -> list[dict[str, Any]]:
    """Return the failures by code, most frequent first, with what the code means and how to mend it."""
    counts = facts.failures.counts
    found = []
    for code in sorted(counts, key=lambda code: (-counts[code], code)):
        known = CODES.get(code)
        found.append(
            {
                "code": code,
                "rows": counts[code],
                "meaning": known.meaning if known else "",
                "fix": known.fix if known else "run.log in the ledger's folder tells more.",
                "first": facts.failures.first.get(code, ()),
            }
        )
    return found


def _figures(facts: Facts) -> list[dict[str, str]]:
    """Return the samples as a table, joined until they are few."""
    samples = list(facts.samples)
    while len(samples) > _SAMPLES_TABLE_MAX:
        odd = samples[-1:] if len(samples) % 2 else []
        samples = [first.then(second) for first, second in zip(samples[::2], samples[1::2], strict=False)] + odd
    return [
        {
            "until": duration(sample.to_s),
            "created": f"{sample.created:,}",
            "requests": f"{sample.requests:,}",
            "permitted": f"{sample.permitted_per_s * 10:,.0f}" if sample.permitted_per_s is not None else "none",
            "mean": f"{sample.answer_s / sample.answers * 1000:,.0f} ms" if sample.answers else "none",
            "slowest": f"{sample.slowest_s * 1000:,.0f} ms" if sample.answers else "none",
            "in_flight": f"{sample.in_flight:,} of {sample.workers:,}",
            "doubted": f"{sample.doubted:,}",
        }
        for sample in samples
    ]


def data(facts: Facts) -> str:
    """Return the failures as JSON for the page's script: names once, a short row each; safe inside of a script."""
    places: dict[str, int] = {}
    codes: dict[str, int] = {}
    rows = [_short(failure, places, codes) for failure in facts.failures.rows]
    table = {"sources": list(places), "codes": list(codes), "rows": rows}
    text = orjson.dumps(table).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _short(failure: Failure, places: dict[str, int], codes: dict[str, int]) -> list[Any]:
    source = places.setdefault(_line(failure.source), len(places))
    code = codes.setdefault(_line(failure.code), len(codes))
    texts = [_line(failure.name), _line(failure.column), _long(failure.message)]
    return [source, failure.line, failure.ordinal, code, *texts]


def _line(text: object) -> str:
    return one_line(shareable(str(text)), _NAME_MAX)


def _long(text: object) -> str:
    return one_line(shareable(str(text)), _MESSAGE_MAX)


def _number(value: float) -> str:
    return f"{value:,}"


def _clock(epoch_s: float) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC):%H:%M:%S} UTC"


def _when(moment: datetime) -> dict[str, str]:
    utc = moment.astimezone(UTC)
    return {"iso": utc.isoformat(timespec="seconds"), "shown": f"{utc.day} {utc:%B %Y, %H:%M} UTC"}


def policy(style: str, script: str | None = None) -> str:
    """Return the content security policy of a page with this style and script; None is none at all."""
    runs = f" script-src {_digest(script)};" if script is not None else ""
    return f"default-src 'none'; style-src {_digest(style)};{runs} img-src data:; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def resource(name: str) -> str:
    """Return a file of the templates' folder."""
    return resources.files(__package__).joinpath(_FOLDER, name).read_text(encoding="utf-8")
