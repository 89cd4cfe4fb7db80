"""A report to look at: an import with some of everything in it."""

import math
from datetime import UTC, datetime
from typing import Final

from importer.errors import ExitStatus
from importer.report.books import Books
from importer.report.facts import GROUP_ROWS_MAX, Doubt, Facts, Failure, Failures, Setting, Step
from importer.report.page import render
from importer.report.timeline import Sample

NOW: Final = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
SOURCE: Final = "exports/campaigns-2026.csv"
LEDGER: Final = f"{SOURCE}.ledger"
HOSTILE: Final = (
    "</script><script>document.title = 'taken'</script>",
    "<img src=x onerror=alert(1)>",
    "\u202egnp.exe",
    "'\"><svg/onload=alert(1)>",
)

_KINDS: Final = (
    ("invalid_date", "hs_start_date", '"31/02/2026" is no day of the calendar'),
    ("name_missing", "hs_name", "Name is blank: it feeds hs_name"),
    (
        "invalid_choice",
        "hs_campaign_status",
        '"plannned" is not one of active, completed, in_progress, paused, planned',
    ),
    ("refused", "hs_notes", "HubSpot says: property hs_notes is longer than 65,536 characters"),
)
_NAMES: Final = ("Spring sale", "Herbstaktion für Möbel", "Webinar: data in practice", "Newsletter", "Trade fair Köln")


def failure(at: int, *, hostile: bool) -> Failure:
    """Return the failed row number `at`; the first few may be hostile."""
    code, column, message = _KINDS[(at * 7) % 11 % len(_KINDS)]
    hostile = hostile and at < len(HOSTILE)
    name = HOSTILE[at] if hostile else f"{_NAMES[at % len(_NAMES)]} {at}"
    held = "" if code == "name_missing" else name
    text = f"{message} {name}" if hostile else message
    return Failure(source=SOURCE, line=at * 3 + 2, ordinal=at * 3, name=held, code=code, column=column, message=text)


def failures(number: int, *, hostile: bool) -> Failures:
    """Return so many failed rows."""
    rows = tuple(failure(at, hostile=hostile) for at in range(number))
    codes = {code for code, _column, _message in _KINDS} & {row.code for row in rows}
    of_code = {code: tuple(row for row in rows if row.code == code) for code in codes}
    return Failures(
        rows=rows,
        total=number,
        counts={code: len(some) for code, some in of_code.items()},
        first={code: some[:GROUP_ROWS_MAX] for code, some in of_code.items()},
    )


def samples() -> tuple[Sample, ...]:
    """Return what happened in a minute: a steady rate, and a storm in its middle."""
    made = []
    for at in range(72):
        storm = 30 <= at < 40
        requests = 1 if storm else 8 if at % 4 else 9
        mean_s = 0.22 + 0.05 * math.sin(at / 4) + (0.9 if storm else 0.0)
        made.append(
            Sample(
                from_s=float(at), to_s=at + 1.0, created=requests * 50, settled=requests * 51, requests=requests,
                answers=requests, answer_s=mean_s * requests, slowest_s=mean_s * (1.4 + 0.3 * math.cos(at)),
                permitted_per_s=9.5 if at < 6 else 10.0, in_flight=3, workers=4 if not storm else 2,
                doubted=50 if storm else 0,
            )
        )  # fmt: skip
    return tuple(made)


def facts(number: int = 212, *, hostile: bool = True) -> Facts:
    """Return the facts of an import of which `number` rows failed."""
    return Facts(
        run=2, ledger=LEDGER, tool="0.1.0", account="HubSpot account 44120987 (sandbox) at https://api.hubapi.com",
        simulated=False, sources=(SOURCE,), started_at="2026-11-26T15:58:41+00:00", seconds=72.4,
        status=ExitStatus.UNRESOLVED if number == 0 else ExitStatus.SOME_FAILED, reason=None, hint=None,
        books=Books(read=28_500 + number, created=27_900, skipped=598, failed=number, unresolved=2),
        counts={"requests": 602, "resent": 3, "throttled": 1, "changed": 14, "looks": 2},
        samples=samples(),
        settings=(
            Setting(name="--mapping", value="salesforce", origin="importer.toml: [run] mapping"),
            Setting(name="--rate", value="100", origin="IMPORTER_RATE"),
            Setting(name="--key", value="Id", origin="--key"),
            Setting(name="--timeout", value="110", origin=None),
            Setting(name="--settle", value="60", origin=None),
            Setting(name="the token in the environment", value="set (not shown)", origin=None),
        ),
        next_steps=(
            Step(why="to write the failed rows to a file and mend them there",
                 command=f"importer failures {LEDGER} --output fix.csv"),
            Step(why="once the rows are mended", command=f"importer run --mapping salesforce {SOURCE}"),
        ),
        failures=failures(number, hostile=hostile),
        doubts=(
            Doubt(at=NOW.timestamp() - 40, records=50, why="gateway timeout",
                  settled=("48 found in HubSpot: made; 2 cannot be told: a person has to look (after 2 looks)",),
                  names=("Spring sale 801", "Newsletter 802", "Trade fair Köln 803"), earlier=False),
            Doubt(at=NOW.timestamp() - 4000, records=50, why="the run ended before the answer came",
                  settled=("50 not there: not made, so free to be sent again (after 2 looks)",),
                  names=("Webinar: data in practice 11",), earlier=True),
        ),
        doubts_total=2,
    )  # fmt: skip


def page(number: int = 212, *, hostile: bool = True) -> str:
    """Return the report of an import of which `number` rows failed, the first few of them hostile."""
    return render(facts(number, hostile=hostile), NOW)
