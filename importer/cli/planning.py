"""Settings → plan: each station's policy, and the mapping found by its name."""

import tomllib
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Final, get_args

from importer.admission import AdmissionPolicy
from importer.canary import Judge, go_on, nobody_to_ask
from importer.cli.combinations import ledger_of
from importer.cli.flags import IN_FILE
from importer.cli.token import Token, token_source
from importer.doubts import SettlePolicy
from importer.errors import AccessError, UsageError
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.throttle import WaitPolicy
from importer.limits import RunLimits
from importer.mapping import CampaignMapping, parse_mapping
from importer.near_miss import did_you_mean
from importer.outage import OutagePolicy
from importer.pacing import RatePolicy
from importer.plan import Plan, never_due, nothing_more
from importer.records import RecordPolicy
from importer.renewal import never_another
from importer.settings import MAPPING, Loaded, Settings
from importer.sharing.redis_address import RedisAddress, parse_address
from importer.simulator.policy import SimulatorPolicy
from importer.sources.policy import Format, ReadPolicy, spelt_out

STATE_FOLDER: Final = "simulator"  #: in the ledger's folder, where a simulated account lives on
_REQUESTS_MOST: Final = 250  #: in 10 s: the highest limit HubSpot sells

#: Waits against the simulator, where nothing can land later than it says.
_SIMULATED_WAITS: Final = {"timeout": 10.0, "settle": 0.5, "settle_max": 20.0}


def build_plan(loaded: Loaded, sources: Sequence[str], *, ledger: Path | None = None, offline: bool = False) -> Plan:
    """Return the plan that settings and sources make; `offline` needs no token, since nothing is asked of HubSpot.

    Raises:
        UsageError: a policy or the mapping does not take what the settings say.
        AccessError: there is no token.
    """
    settings = loaded.settings
    mapping = find_mapping(settings.mapping) if settings.mapping else None
    records = _records(settings, mapping)
    if settings.mode == "upsert" and not records.key:
        raise UsageError(
            "--mode upsert needs a key: without one, a row that was edited is another campaign",
            hint="Name what makes two rows the same campaign: --key hs_name, or a column such as --key Id.",
        )
    folder = ledger or ledger_of(loaded, sources)
    token, untold = _token(settings, offline=offline)
    return Plan(
        sources=tuple(sources),
        ledger=folder,
        token=token or _no_token,
        renew_token=token.renew if token is not None else never_another,
        renew_in=token.renew_in if token is not None else never_due,
        secrets=token.secrets if token is not None else nothing_more,
        reading=_reading(settings),
        mapping=mapping,
        ready=ready_mappings(),
        records=records,
        admission=AdmissionPolicy(**{item.name: getattr(settings, item.name) for item in fields(AdmissionPolicy)}),
        transport=_transport(loaded),
        rate=_rate(settings),
        waits=WaitPolicy(wait_max_s=settings.max_wait),
        settling=_settling(loaded),
        workers=settings.workers,
        grace_s=settings.grace,
        outage=OutagePolicy(outage_max_s=settings.max_outage),
        limits=_limits(settings),
        account_lock=settings.account_lock,
        limit=_limit_place(loaded),
        dry_run=settings.dry_run,
        canary=_canary(settings),
        untold=untold,
        simulator=_simulator(settings) if settings.simulate else None,
        simulator_state=folder / STATE_FOLDER if settings.simulate else None,
    )


def _token(settings: Settings, *, offline: bool) -> tuple[Token | None, str | None]:
    """Return what gives the token, where one is needed, and why a dry run may not ask HubSpot (None: it may)."""
    if offline:
        return None, "nothing is asked of HubSpot"
    if settings.simulate:
        return None, None
    try:
        return token_source(settings), None
    except AccessError as error:
        if not settings.dry_run:
            raise
        return None, error.message


def _canary(settings: Settings) -> Judge | None:
    """Return who decides after the first batch where nobody can be asked."""
    if not settings.canary:
        return None
    return go_on if settings.yes else nobody_to_ask


def _no_token() -> str:
    return "none-needed"


def _limits(settings: Settings) -> RunLimits:
    return RunLimits(
        duration_s=settings.max_duration,
        failures=settings.max_failures,
        quota_share=settings.quota_share,
        fail_on=frozenset(settings.fail_on),
    )


def _limit_place(loaded: Loaded) -> Path | RedisAddress | None:
    """Return where the rate limit is shared, if it is."""
    given = loaded.settings.limit_redis
    if given is None:
        return loaded.settings.limit_file
    return parse_address(given.get_secret_value(), loaded.origins["limit_redis"])


def _rate(settings: Settings) -> RatePolicy:
    if settings.rate is None:
        return RatePolicy(share=settings.rate_share)
    return RatePolicy(requests=settings.rate, fixed=True, share=settings.rate_share)


def _reading(settings: Settings) -> ReadPolicy:
    known = get_args(Format)
    for form in known:
        if settings.format in {None, form}:
            return ReadPolicy(
                format=form if settings.format else None,
                encoding=settings.encoding,
                delimiter=spelt_out(settings.delimiter),
                sheet=settings.sheet,
                row_bytes_max=settings.max_row_bytes,
                bytes_max=settings.max_bytes,
                allow_special=settings.allow_special,
            )
    raise UsageError(
        f'there is no format "{settings.format}"{did_you_mean(str(settings.format), known)}',
        hint=f"Name one of: {', '.join(known)}.",
    )


def _records(settings: Settings, mapping: CampaignMapping | None) -> RecordPolicy:
    return RecordPolicy(
        key=settings.key or (mapping.key if mapping is not None else ()),
        key_space=settings.key_space or (mapping.name if mapping is not None else ""),
        allow_properties=frozenset(settings.allow_property),
        correlation=settings.correlation_property,
    )


def _wait(loaded: Loaded, name: str) -> float:
    """Return a wait in seconds: as set, else shorter against the simulator than against HubSpot."""
    shorter = _SIMULATED_WAITS[name] if loaded.settings.simulate and not loaded.given(name) else None
    return getattr(loaded.settings, name) if shorter is None else shorter


def _transport(loaded: Loaded) -> TransportPolicy:
    settings = loaded.settings
    return TransportPolicy(
        base_url=settings.base_url or TransportPolicy().base_url,
        api_version=settings.api_version,
        timeout_s=_wait(loaded, "timeout"),
    )


def _settling(loaded: Loaded) -> SettlePolicy:
    usual = SettlePolicy()
    return SettlePolicy(
        timeout_s=_wait(loaded, "timeout"),
        settle_s=_wait(loaded, "settle"),
        settle_max_s=_wait(loaded, "settle_max"),
        looks_apart_s=min(usual.looks_apart_s, _wait(loaded, "settle")),
        outage_max_s=loaded.settings.max_outage,
    )


def _simulator(settings: Settings) -> SimulatorPolicy:
    return SimulatorPolicy.from_strings([f"rate={settings.rate or _REQUESTS_MOST}", *settings.fault])


# Mappings


def find_mapping(named: str) -> CampaignMapping:
    """Return the ready mapping called `named`, or the one in the file `named`; raise `UsageError` if there is none."""
    folder = mappings_folder()
    ready = folder / f"{named}.toml"
    if "/" not in named and ready.is_file():
        return read_mapping(ready)
    path = Path(named)
    if path.is_file():
        return read_mapping(path)
    known = mapping_names()
    raise UsageError(
        f'there is no mapping or file "{named}"{did_you_mean(named, known)}',
        hint=f"{IN_FILE['mapping'].option} takes the path of a TOML file, or one of: {', '.join(known)}.",
    )


def read_mapping(path: Path) -> CampaignMapping:
    """Return the mapping in `path`; raise `UsageError` with the place of what is wrong."""
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"the mapping {path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the mapping {path} is not TOML: {error}") from None
    held = data.get(MAPPING)  # a configuration file, which has a table for it
    return parse_mapping(held if isinstance(held, dict) else data, name=path.stem)


def mappings_folder() -> Path:
    """Return where the ready mappings lie: in the installed package, else in the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "config" / "mappings"
    return installed if installed.is_dir() else package.parent / "config" / "mappings"


def mapping_names() -> tuple[str, ...]:
    """Return the names of the ready mappings."""
    return tuple(sorted(path.stem for path in mappings_folder().glob("*.toml") if path.stem != "example"))


@cache
def ready_mappings() -> tuple[CampaignMapping, ...]:
    """Return every ready mapping; they are read once in a process."""
    return tuple(read_mapping(mappings_folder() / f"{name}.toml") for name in mapping_names())
