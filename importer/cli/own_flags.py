"""Options that one command has for itself: they are no settings, so no file and no variable sets them."""

from typing import Final

from importer.cli.flags import Flag

_OWN: Final = "This command"

RECONCILE: Final = (
    Flag("list", "only list what is in doubt or unresolved", _OWN, kind="switch", everyday=True),
    Flag("identity", "decide about this unresolved record yourself", _OWN, "ID", everyday=True),
    Flag("as", "what became of it", _OWN, "created:CAMPAIGN|absent", everyday=True),
    Flag("reason", "why you say so, for the ledger", _OWN, "TEXT", everyday=True),
)
AS_JSON: Final = (Flag("json", "print one JSON object", _OWN, kind="switch", everyday=True),)
UNDO: Final = (
    Flag("run", "run to undo: its number, 2-5, or all", _OWN, "N|N-N|all", "the latest", everyday=True),
    Flag("dry_run", "only look, and say what would be archived", _OWN, kind="switch", everyday=True),
    Flag("even_if_changed", "archive also what was changed since it was written", _OWN, kind="switch", everyday=True),
)
VERIFY: Final = (
    Flag("remote", "compare with HubSpot too, campaign by campaign", _OWN, kind="switch", everyday=True),
    Flag("output", "new file for the differences with HubSpot: .jsonl or .csv", _OWN, "FILE", "a table on stdout",
         everyday=True, short="-o"),
)  # fmt: skip
FAILURES: Final = (
    Flag(
        "output",
        "new file to write: .csv, .tsv, .xlsx, .json or .jsonl",
        _OWN,
        "FILE",
        "CSV to stdout",
        everyday=True,
        short="-o",
    ),
    Flag("raw", "leave cells that a spreadsheet would run as they are", _OWN, kind="switch", everyday=True),
)
REPORT: Final = (
    Flag("open", "open it in the browser", _OWN, kind="switch", everyday=True),
    Flag("output", "file to write", _OWN, "FILE", "report.html in the ledger", everyday=True, short="-o"),
    Flag("run", "number of the run", _OWN, "N", "the latest", everyday=True),
)
SIMULATOR: Final = (
    Flag("port", "port to listen on", _OWN, "N", "any free one", everyday=True),
    Flag(
        "accounts",
        "so many accounts, with the tokens account-1, account-2, …",
        _OWN,
        "N",
        "one, for any token",
        everyday=True,
    ),
    Flag("rate", "requests permitted in 10 s", _OWN, "N", "no limit", everyday=True),
    Flag("fault", "fault by probability or number; may be repeated", _OWN, "NAME:P|NAME@N", kind="list", everyday=True),
    Flag("latency", "how long a request takes", _OWN, "fixed:S|uniform:S-S|longtail:S", everyday=True),
    Flag("seed", "of everything drawn", _OWN, "N", "0", everyday=True),
    Flag("state", "folder that keeps the campaigns", _OWN, "DIR", everyday=True),
    Flag("set", "any other switch; may be repeated", _OWN, "SWITCH=VALUE", kind="list", everyday=True),
)
DEMO: Final = (
    Flag("into", "folder for the file and its ledger", _OWN, "DIR", "a new temporary one", everyday=True),
    Flag("rows", "campaigns to make", _OWN, "N", "400", everyday=True),
)
PROBE: Final = (Flag("into", "folder for probe-report.md and probe.json", _OWN, "DIR", "this one", everyday=True),)
CONFIG: Final = (
    Flag("config", "configuration file", _OWN, "FILE", "importer.toml, when there", everyday=True),
    Flag("origin", "say of every setting where it comes from, also of defaults", _OWN, kind="switch", everyday=True),
)
INIT: Final = (
    Flag("output", "file to write", _OWN, "FILE", "importer.toml", everyday=True, short="-o"),
    Flag("force", "write it over one that is there", _OWN, kind="switch", everyday=True),
)
DOCTOR: Final = (
    Flag("ledger", "folder where the ledger is to be", _OWN, "DIR", "this one", everyday=True),
    Flag("shared", "prove instead, on two hosts at once, that locks here exclude", _OWN, "DIR", everyday=True),
    Flag("shared_wait", "how long to wait for the other host", _OWN, "TIME", "600", everyday=True),
    *AS_JSON,
)
FLEET: Final = (
    Flag("only", "run this import alone, without the driver's lock: for other schedulers", _OWN, "NAME|INDEX",
         everyday=True),
    Flag("dry_run", "only list what would run", _OWN, kind="switch", everyday=True),
    Flag("json", "print one JSON object", _OWN, kind="switch", everyday=True),
    Flag("quiet", "say nothing of each import", _OWN, kind="switch", everyday=True),
    Flag("insecure", "let a cluster without TLS pass: who reaches it can run code", _OWN, kind="switch", everyday=True),
)  # fmt: skip
