"""The import as a function, for programs: `from importer import run_import`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from importer import runs
from importer.cli.combinations import refuse_impossible
from importer.cli.planning import build_plan
from importer.errors import UsageError
from importer.mapping import CampaignMapping, parse_mapping
from importer.pipeline import Confirm, nobody_asks
from importer.report.books import Summary, Tally
from importer.settings import Loaded, Settings
from importer.stopping import Stop

_STREAM = "-"


class _Given(Settings):
    """Settings of a program: what it says, and nothing from the environment or from files."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Listen to the arguments only."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


async def run_import(
    *sources: str | Path | BinaryIO,
    token: str | Callable[[], str] | None = None,
    mapping: str | dict[str, Any] | None = None,
    tally: Tally | None = None,
    stop: Stop | None = None,
    confirm: Confirm = nobody_asks,
    **settings: Any,
) -> Summary:
    """Create a HubSpot marketing campaign for every row of `sources`, resuming what an earlier run left.

    Args:
        sources: Paths; links or open binary streams (which need `ledger`). Patterns are not looked for.
        token: A HubSpot token, or a function called for each request that returns one; none with `simulate=True`.
        mapping: Name of a ready mapping, path of a mapping file, or a mapping as parsed TOML. None: the columns
            carry the names of properties.
        tally: Counted into while the import runs, for progress.
        stop: `stop.request(...)` drains and ends the run from outside.
        confirm: Awaited with the account before anything is sent; raises an `ImporterError` to refuse.
        settings: As the options of `importer run`, with underscores: `ledger`, `key`, `rate`, `simulate`, ... With
            `canary` the run pauses after its first batch, unless `yes` says to go on; `counts["canary"]` tells of it.

    Returns:
        The summary: books that balance, status, reason. A run that ends early says so there.

    Raises:
        UsageError: the settings make no sense, or columns and mapping do not fit.
        ImporterError: the sources, HubSpot or the ledger cannot be used; nothing was sent.

    Cancellation: as a kill. The journal is complete; the next call with the same ledger goes on.
    """
    names = tuple(source if isinstance(source, str) else _name(source) for source in sources)
    ready = mapping if isinstance(mapping, str) else None
    secret = token() if callable(token) else token
    loaded = _loaded({**settings, "mapping": ready, "token": secret})
    refuse_impossible(loaded, names)
    plan = build_plan(loaded, names)
    plan = replace(plan, sources=tuple(str(source) if isinstance(source, Path) else source for source in sources))
    if isinstance(mapping, dict):
        given = parse_mapping(mapping, name=str(mapping.get("name", "")))
        plan = replace(plan, mapping=given, records=_keyed_by(plan.records, given))
    if callable(token):
        plan = replace(plan, token=token)
    return await runs.run(plan, tally=tally or Tally(), stop=stop or Stop(), confirm=confirm)


def _name(source: Path | BinaryIO) -> str:
    return str(source) if isinstance(source, Path) else _STREAM


def _keyed_by(records: Any, mapping: CampaignMapping) -> Any:
    return replace(records, key=records.key or mapping.key, key_space=records.key_space or mapping.name)


def _loaded(given: dict[str, Any]) -> Loaded:
    values = {name: value for name, value in given.items() if value is not None}
    try:
        return Loaded(settings=_Given(**values), origins={name: f"{name}=" for name in values})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"the setting {place} is wrong: {first['msg']}") from None
