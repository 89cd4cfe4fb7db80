"""Every option, as a table: its names, its help, and the commands that take it.

From one row come the flag (`--max-wait`), its environment name (`IMPORTER_MAX_WAIT`) and its key in the
configuration file (`max_wait`). Values arrive here as text: `settings.Settings` checks them, wherever they come
from. The defaults shown are those of `Settings`; a test holds the two equal. Imports nothing heavy: help must be fast.
"""

from typing import Final, Literal, NamedTuple

ENVIRONMENT_PREFIX: Final = "IMPORTER_"
TOKEN_VARIABLE: Final = "HUBSPOT_ACCESS_TOKEN"  # noqa: S105 - a name, no secret

Kind = Literal["value", "switch", "list"]


class Flag(NamedTuple):
    """One option."""

    name: str  #: as in the configuration file: lower case, underscores
    help: str  #: what it does, a short sentence without a full stop
    panel: str  #: heading in the help
    metavar: str = ""  #: what stands for the value; empty for a switch
    default: str = ""  #: as people read it; empty for none
    kind: Kind = "value"
    commands: str = "run check"  #: names of the commands that take it
    everyday: bool = False  #: shown by --help, not only by --help-all
    short: str = ""  #: one letter after one hyphen, for the few that are typed all the time

    @property
    def option(self) -> str:
        """The option as typed."""
        return "--" + self.name.replace("_", "-")

    @property
    def parameter(self) -> str:
        """Its name as a parameter (`as` and `set` are Python's)."""
        return f"{self.name}_" if self.name in {"as", "set"} else self.name

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def field(self) -> str:
        """Its field in `Settings` (`json` is taken there)."""
        return "json_output" if self.name == "json" else self.name

    @property
    def choices(self) -> tuple[str, ...]:
        """The permitted values, where they are few."""
        return tuple(self.metavar.split("|")) if "|" in self.metavar and "%" not in self.metavar else ()


_READ = "Reading"
_SAME = "The same campaign or another"
_TO = "HubSpot"
_SPEED = "Speed and waiting"
_RUN = "The run"
_UNWATCHED = "Runs that nobody watches"
_SAY = "What it says"
_READS = "run check init"
_SENDS = "run reconcile undo verify adopt"
_ASKS = "run reconcile undo verify probe doctor init adopt setup"
_ALL = "run check reconcile undo verify adopt"

FLAGS: Final[tuple[Flag, ...]] = (
    Flag("mapping", "ready mapping, or file, that says which column feeds which property", _READ, "NAME|FILE",
         commands="run check adopt", everyday=True),
    Flag("allow_property", "property of your account to send as it is; may be repeated", _READ, "NAME", kind="list",
         commands="run check adopt"),
    Flag("format", "format of the sources, where the name does not tell", _READ, "FORMAT", commands=_READS),
    Flag("encoding", "encoding of the sources", _READ, "NAME", "utf-8", commands=_READS),
    Flag("delimiter", "what separates the cells of a CSV source", _READ, "CHARACTER", commands=_READS),
    Flag("sheet", "sheet of an Excel workbook", _READ, "NAME", "the first with data", commands=_READS),
    Flag("max_row_bytes", "longest permitted row", _READ, "BYTES", "1048576"),
    Flag("max_bytes", "most bytes to read of one source, after decompression", _READ, "BYTES"),
    Flag("allow_special", "read pipes and devices too, not only files and -", _READ, kind="switch"),
    Flag("limit", "read only the first N rows", _READ, "N"),
    Flag("key", "columns that make two rows the same campaign", _SAME, "COLUMN[,COLUMN]", kind="list",
         commands="run check adopt", everyday=True),
    Flag("key_space", "name under which keys are compared", _SAME, "NAME", "the mapping's name",
         commands="run check adopt"),
    Flag("duplicates", "identical rows without a key in one source", _SAME, "skip|create", "skip", everyday=True),
    Flag("same_name", "a row without a key whose name was imported before and is gone from the source", _SAME,
         "fail|create", "fail", commands="run"),
    Flag("accept_new_identities", "go on although the key is another than the ledger's", _SAME, kind="switch",
         commands="run"),
    Flag("retry_failed", "send again what HubSpot refused in an earlier run", _SAME, kind="switch", commands="run",
         everyday=True),
    Flag("list_skipped", "write the skipped rows to skipped.jsonl", _SAME, kind="switch", commands="run"),
    Flag("mode", "upsert updates what was made earlier and differs now; needs a key", _SAME, "create|upsert", "create",
         commands="run", everyday=True),
    Flag("on_conflict", "with upsert, a campaign that somebody changed in HubSpot", _SAME, "skip|overwrite|fail",
         "skip", commands="run"),
    Flag("recreate_missing", "with upsert, make campaigns again that were deleted in HubSpot", _SAME, kind="switch",
         commands="run"),
    Flag("check_unchanged", "with upsert, read also the campaigns of rows that did not change", _SAME, kind="switch",
         commands="run"),
    Flag("ledger", "folder that remembers what was done", _RUN, "DIR", "SOURCE.ledger", commands="run",
         everyday=True),
    Flag("dry_run", "do everything but send, and say what would be sent", _RUN, kind="switch", commands="run",
         everyday=True),
    Flag("canary", "send the first batch alone, show what came back, and ask before the rest", _RUN, kind="switch",
         commands="run", everyday=True),
    Flag("simulate", "send to a simulated HubSpot in this process; needs no token", _RUN, kind="switch",
         commands="run probe doctor init adopt setup", everyday=True),
    Flag("fault", "fault of the simulated HubSpot, with --simulate; may be repeated", _RUN, "NAME:P", kind="list",
         commands="run probe"),
    Flag("yes", "do not ask before an undo, before a new ledger or a probe writes to a production account, nor after a"
         " canary", _RUN, kind="switch", commands="run undo probe adopt", everyday=True),
    Flag("account_lock", "lock file of the account, where all who import for it reach it: one run at a time", _RUN,
         "FILE", commands=_SENDS),
    Flag("grace", "how long a stop waits for requests on their way", _RUN, "TIME", "8", commands=_SENDS),
    Flag("token_file", "file that holds the token; nobody else may read it", _TO, "FILE", commands=_ASKS,
         everyday=True),
    Flag("token_command", "command that prints the token; run without a shell, and again when it is refused", _TO,
         "COMMAND", commands=_ASKS),
    Flag("oauth_file", "JSON file with client_id, client_secret and refresh_token of an installed app", _TO, "FILE",
         commands=_ASKS),
    Flag("base_url", "where the API lives", _TO, "URL", "https://api.hubapi.com", commands=_ASKS),
    Flag("api_version", "version of the campaigns API; v3 is unsupported from September 2027", _TO,
         "v3|2026-03|2026-09", "v3", commands=_ASKS),
    Flag("correlation_property", "custom text property of the account that takes each record's identity", _TO, "NAME",
         commands=f"{_ALL} setup"),
    Flag("rate", "requests in any 10 seconds", _SPEED, "N", "what HubSpot permits", commands=_SENDS, everyday=True),
    Flag("rate_share", "part of the permitted rate that is used, 1 being all; the rest is left to other integrations",
         _SPEED, "PART", "1", commands=_SENDS),
    Flag("limit_file", "file through which processes share the rate limit of an account", _SPEED, "FILE",
         commands=_SENDS),
    Flag("limit_redis", "the same through Redis; a password may stand only in IMPORTER_LIMIT_REDIS", _SPEED,
         "redis://HOST/DATABASE/ACCOUNT", commands=_SENDS),
    Flag("workers", "requests on their way at once; auto finds the number", _SPEED, "N", "auto", commands=_SENDS),
    Flag("timeout", "how long a request may take", _SPEED, "TIME", "110", commands=_ASKS),
    Flag("settle", "how long to wait before looking for what is in doubt", _SPEED, "TIME", "60",
         commands="run reconcile undo probe"),
    Flag("settle_max", "how long to go on looking for it", _SPEED, "TIME", "300", commands="run reconcile"),
    Flag("max_wait", "longest pause that HubSpot may ask for", _SPEED, "TIME", "900", commands=_SENDS),
    Flag("max_outage", "how long HubSpot may be away before the run stops", _SPEED, "TIME", "600", commands=_SENDS),
    Flag("max_duration", "how long the run may take; then it stops, to be gone on with", _UNWATCHED, "TIME",
         commands="run"),
    Flag("max_failures", "stop when more rows than that, or more of those read, have failed", _UNWATCHED, "N|N%",
         commands="run"),
    Flag("quota_share", "part of the account's requests a day that may be used up; the rest is left to others",
         _UNWATCHED, "PART", "1", commands="run"),
    Flag("fail_on", "what makes another status than 0: failed, unresolved, unexpected, changed, gone, skipped; or none",
         _UNWATCHED, "OUTCOME[,OUTCOME]", "failed,unresolved,unexpected", kind="list"),
    Flag("hook_command", "command to run at the end or a stall, with a JSON object on its standard input", _UNWATCHED,
         "COMMAND", commands=_SENDS),
    Flag("hook_url", "address to post the same JSON object to, signed", _UNWATCHED, "URL", commands=_SENDS),
    Flag("hook_secret_file", "file that holds the secret of the signature; nobody else may read it", _UNWATCHED, "FILE",
         commands=_SENDS),
    Flag("hook_on", "when to tell: end, failure, stall", _UNWATCHED, "EVENT[,EVENT]", "end,failure,stall",
         kind="list", commands=_SENDS),
    Flag("stall_after", "how long nothing may happen before that is a stall", _UNWATCHED, "TIME", "900",
         commands=_SENDS),
    Flag("metrics_file", "file to write metrics to, for Prometheus' textfile collector", _UNWATCHED, "FILE",
         commands=_SENDS),
    Flag("otlp_endpoint", "where to send traces and metrics by OpenTelemetry (OTLP over HTTP)", _UNWATCHED, "URL",
         commands=_SENDS),
    Flag("metrics_every", "how often metrics are written and sent", _UNWATCHED, "TIME", "15", commands=_SENDS),
    Flag("json", "print the summary as one JSON object", _SAY, kind="switch", commands=_ALL, everyday=True),
    Flag("quiet", "no progress, no notices", _SAY, kind="switch", commands=_ALL),
    Flag("progress", "a bar, lines, or nothing", _SAY, "auto|always|never", "auto", commands=_ALL),
    Flag("log_level", "least severe entry of run.log", _SAY, "debug|info|warning|error", "info", commands=_ALL),
    Flag("log_stderr", "write the log to stderr too, as JSON", _SAY, kind="switch", commands=_ALL),
    Flag("log_max_bytes", "size at which run.log is set aside and a new one begun", _SAY, "BYTES", "10000000",
         commands=_ALL),
    Flag("log_keep", "how many of those set aside are kept", _SAY, "N", "5", commands=_ALL),
    Flag("config", "configuration file", _RUN, "FILE", "importer.toml, when there",
         commands=f"{_ALL} probe doctor init setup"),
)  # fmt: skip

#: Flags that a configuration file may set: all but the one that names it.
IN_FILE: Final[dict[str, Flag]] = {flag.name: flag for flag in FLAGS if flag.name != "config"}

PANELS: Final = tuple(dict.fromkeys(flag.panel for flag in FLAGS))


def flags_of(command: str) -> tuple[Flag, ...]:
    """Return the flags that `command` takes."""
    return tuple(flag for flag in FLAGS if command in flag.commands.split())
