"""All switches of the simulator, and their spelling. Pure."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from importer.errors import UsageError
from importer.simulator.properties import NORMALISERS
from importer.simulator.rules import FaultRule, Latency, number

READ_SCOPE: Final = "marketing.campaigns.read"
WRITE_SCOPE: Final = "marketing.campaigns.write"

_ACCOUNTS_MAX: Final = 1_000_000

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "goal": ("ignore", "refuse", "accept"),
    "bad_record": ("refuse_all", "partial", "make_and_refuse"),
    "echo": ("all", "name", "none"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorPolicy:
    """What the simulated HubSpot does; the defaults are what the real one is believed to do, without weather."""

    seed: int = 0  #: of everything drawn: ids, order of results, faults, latency

    accounts: int | None = None  #: so many, each with a token: account-1, account-2, …; None is one
    token: str | None = None  #: the only one accepted; None accepts any that is not empty
    refresh_token: str | None = None  #: of an installed app: then only tokens given for it are accepted, beside `token`
    client_secret: str | None = None  #: which an installed app has to know; None takes any
    token_life_s: float = 1800.0  #: so long is a token taken that was given for the refresh token
    token_uses: int | None = None  #: requests after which a token that was given is refused; None is without limit
    scopes: tuple[str, ...] = (READ_SCOPE, WRITE_SCOPE)  #: what the token may do
    portal_id: int = 12_345_678
    account_type: str = "SANDBOX"  #: STANDARD, SANDBOX, DEVELOPER_TEST or APP_DEVELOPER
    time_zone: str = "UTC"  #: IANA name
    currency: str = "EUR"  #: ISO 4217

    custom_properties: tuple[str, ...] | None = None  #: those which exist; None accepts any name without hs_
    goal: str = "ignore"  #: what becomes of hs_goal: ignore, refuse, accept
    brands: tuple[str, ...] | None = None  #: ids of the account's brands; None accepts any, none is without the add-on
    check_choices: bool = False  #: refuse unknown statuses and currencies
    poison: str | None = None  #: refuse campaigns whose name contains this
    bad_record: str = "refuse_all"  #: a bad one: refuse_all (400), partial (207), make_and_refuse (400, breaks A1)
    name_errors: bool = False  #: errors hold the hs_name of their record in their context

    rate: int | None = None  #: requests permitted in any `rate_interval_s`; None is without limit
    rate_interval_s: float = 10.0
    daily: int | None = None  #: requests permitted a day; None is without limit
    daily_used: int = 0  #: requests already used today
    daily_reset_s: float | None = None  #: seconds after the start at which the day begins anew
    retry_after: str | None = None  #: value of Retry-After on 429; None leaves it out
    rate_headers: bool = True  #: send HubSpot's rate-limit headers

    normalise: tuple[str, ...] = ()  #: names from `properties.NORMALISERS`, applied in this order to what is stored
    drop_empty: bool = True  #: empty values are neither stored nor shown
    echo: str = "all"  #: properties in the reply to a create: all, name, none
    hide: tuple[str, ...] = ()  #: properties left out of the reply to a create

    latency: Latency = field(default_factory=Latency)
    list_lag_s: float = 0.0  #: campaigns appear in listings this much later
    clock_skew_s: float = 0.0  #: the server's clock, `Date` and `createdAt` alike, against ours
    date_skew_s: float = 0.0  #: only the `Date` header against the server's clock (breaks assumption A2)
    body_bytes_max: int = 10_000_000  #: larger request bodies get 413

    faults: tuple[FaultRule, ...] = ()

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        for name, permitted in _CHOICES.items():
            if getattr(self, name) not in permitted:
                raise UsageError(f"{name} must be one of {', '.join(permitted)}, not {getattr(self, name)!r}")
        unknown = [name for name in self.normalise if name not in NORMALISERS]
        if unknown:
            raise UsageError(f"there is no normaliser {unknown[0]!r}; there are {', '.join(NORMALISERS)}")
        if self.rate is not None and self.rate < 1:
            raise UsageError("rate must be at least 1")
        if self.accounts is not None and not 1 <= self.accounts <= _ACCOUNTS_MAX:
            raise UsageError(f"accounts must be between 1 and {_ACCOUNTS_MAX:,}, not {self.accounts:,}")
        if self.accounts is not None and self.refresh_token is not None:
            raise UsageError("many accounts have tokens of their own, account-1, account-2, …: leave out refresh_token")

    @classmethod
    def from_strings(cls, texts: Iterable[str]) -> "SimulatorPolicy":
        """Return the policy spelt by `texts`: `switch=value`, or rules for faults (see `rules`); raise `UsageError`."""
        values: dict[str, Any] = {}
        rules: list[FaultRule] = []
        for text in texts:
            name, equals, value = text.partition("=")
            if equals:
                values[name.strip()] = _value(name.strip(), value)
            else:
                rules.append(FaultRule.parse(text))
        return cls(**values, faults=tuple(rules))


def _value(name: str, text: str) -> Any:
    convert = _switches().get(name)
    if convert is None:
        near = difflib.get_close_matches(name, _switches(), n=3)
        raise UsageError(
            f"there is no switch {name!r}",
            hint=f"Did you mean {', '.join(near)}?" if near else "See the list of switches.",
        )
    return convert(text)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a whole number") from error


def _truth(text: str) -> bool:
    word = text.strip().casefold()
    if word not in {"true", "false", "yes", "no", "1", "0"}:
        raise UsageError(f"{text!r} is neither yes nor no")
    return word in {"true", "yes", "1"}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


_CONVERT: Final[Mapping[Any, Callable[[str], Any]]] = {
    int: _whole,
    int | None: _whole,
    float: number,
    float | None: number,
    bool: _truth,
    str: str,
    str | None: str,
    tuple[str, ...]: _names,
    tuple[str, ...] | None: _names,
    Latency: Latency.parse,
}


def _switches() -> dict[str, Callable[[str], Any]]:
    return {item.name: _CONVERT[item.type] for item in fields(SimulatorPolicy) if item.name != "faults"}


def switch_names() -> tuple[str, ...]:
    """Return the names of all switches that `SimulatorPolicy.from_strings` takes as `switch=value`."""
    return tuple(_switches())
