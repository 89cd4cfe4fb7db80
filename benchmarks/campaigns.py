"""Campaigns as real accounts hold them, drawn from a seed and written to a file of any length as a stream.

    python -m benchmarks.campaigns FILE --rows 1000000 [--seed 1]

The columns are named like HubSpot's properties, so no mapping is needed. Names are all different; notes are empty,
short or long, some with quotes, commas, line breaks or letters outside ASCII. The format follows the file's name:
`.csv`, `.jsonl`, and either with `.gz` behind it.
"""

import argparse
import csv
import gzip
import io
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import orjson

COLUMNS: Final = (
    "hs_name", "hs_start_date", "hs_end_date", "hs_campaign_status", "hs_audience", "hs_currency_code",
    "hs_utm", "hs_notes",
)  # fmt: skip
BATCH: Final = 50
_NOTES: Final = 5_000  # different ones

_SEASONS: Final = ("Spring", "Summer", "Autumn", "Winter", "Back to school", "Black Friday", "Year end")
_KINDS: Final = (
    "webinar",
    "newsletter",
    "trade fair",
    "product launch",
    "re-engagement",
    "nurture",
    "upsell",
    "survey",
)
_PLACES: Final = (
    "DACH",
    "Nordics",
    "Benelux",
    "UK & IE",
    "São Paulo",
    "日本",
    "Île-de-France",
    "US West",
    "Łódź",
    "MENA",
)
_STATUSES: Final = ("planned", "in_progress", "active", "paused", "completed")
_AUDIENCES: Final = ("New leads", "Customers, first year", "Lapsed customers", "Partners", "All contacts", "Students")
_CURRENCIES: Final = ("EUR", "USD", "GBP", "SEK", "JPY", "BRL")
_SENTENCES: Final = (
    "Budget agreed with sales.",
    "Landing page in two languages; the copy is due a week earlier.",
    'Subject line A/B: "Save your seat" against "Last places".',
    "Followed up by phone within three days, then handed to the regional team.",
    "Größere Zielgruppe als im Vorjahr, bitte die Sperrliste prüfen.",
    "Réutiliser les visuels de l'édition précédente.",
    "Target: 4,000 opens, 350 clicks, 40 meetings.",
    "First line\nsecond line",
    "Owner: marketing operations.",
    "🎯 Only contacts with a score above 60.",
)
_FIRST_DAY: Final = date(2019, 1, 1)
_DAYS: Final = tuple((_FIRST_DAY + timedelta(days=n)).isoformat() for n in range(3_000))


def campaigns(count: int, seed: int = 1) -> Iterator[dict[str, str]]:
    """Yield `count` campaigns, property → value; the same for the same seed."""
    for row in _rows(count, seed):
        yield dict(zip(COLUMNS, row, strict=True))


def _rows(count: int, seed: int) -> Iterator[tuple[str, ...]]:
    """Yield the values in the order of `COLUMNS`."""
    dice = random.Random(seed)
    notes = [" ".join(dice.choices(_SENTENCES, k=dice.choice((0, 0, 1, 1, 2, 3, 5)))) for _ in range(_NOTES)]
    for number in range(count):
        drawn = dice.getrandbits(64)  # one draw for all columns: calls of `choice` take longer than an import
        season, kind, place = _SEASONS[drawn % 7], _KINDS[(drawn >> 3) % 8], _PLACES[(drawn >> 6) % 10]
        start = (drawn >> 10) % (len(_DAYS) - 128)
        yield (
            f"{season} {kind} {place} #{number}",
            _DAYS[start],
            _DAYS[start + 1 + (drawn >> 22) % 120],
            _STATUSES[(drawn >> 30) % 5],
            _AUDIENCES[(drawn >> 33) % 6],
            _CURRENCIES[(drawn >> 36) % 6],
            f"{kind.replace(' ', '-')}-{number}",
            notes[(drawn >> 40) % _NOTES],
        )


def write(path: Path, count: int, seed: int = 1) -> None:
    """Write `count` campaigns to `path`; raise `ValueError` for a name that tells no format."""
    plain = path.name.removesuffix(".gz")
    with path.open("wb") as raw:
        if path.name.endswith(".gz"):
            with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0) as packed:
                _write_rows(packed, plain, count, seed)
        else:
            _write_rows(raw, plain, count, seed)


def read(path: Path) -> Iterator[dict[str, str]]:
    """Yield the campaigns of a plain CSV or JSONL file as programs usually read them, empty values left out."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file) if path.suffix == ".csv" else map(orjson.loads, file)
        for row in rows:
            yield {name: value for name, value in row.items() if value}


def batches(rows: Iterator[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """Yield the rows by fifties."""
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _write_rows(file: "io.BufferedIOBase | gzip.GzipFile", plain: str, count: int, seed: int) -> None:
    if plain.endswith(".jsonl"):
        for campaign in campaigns(count, seed):
            file.write(orjson.dumps(campaign, option=orjson.OPT_APPEND_NEWLINE))
        return
    if not plain.endswith(".csv"):
        raise ValueError(f"{plain}: a name ends in .csv or .jsonl, and .gz behind it")
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")  # type: ignore[type-var] # IO[bytes] is enough
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    rows.writerows(_rows(count, seed))
    text.flush()
    text.detach()


def main(argv: Sequence[str] | None = None) -> int:
    """Write a file."""
    parser = argparse.ArgumentParser(description="Write campaigns drawn from a seed.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    write(args.file, args.rows, args.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
