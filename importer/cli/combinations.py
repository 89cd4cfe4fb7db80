"""Combinations of settings that make no sense: refused, never ignored."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from importer.cli.flags import IN_FILE
from importer.errors import UsageError
from importer.settings import Loaded
from importer.sources.addresses import is_remote, name_of, same_name
from importer.sources.patterns import is_pattern

STDIN = "-"
_SAY_WHERE = "Say where the ledger is to be: --ledger DIR."
_ONLY_QUERIES = "Addresses that differ in user or query only have one name here: import them one after the other."


def refuse_impossible(
    loaded: Loaded, sources: Sequence[str], *, typed: Sequence[str] = (), needs_ledger: bool = True
) -> None:
    """Raise `UsageError` for the first combination of settings and sources that cannot be meant.

    `sources` are those that the words `typed` stand for.
    """
    pattern = next((word for word in typed if is_pattern(word)), None)
    if pattern is not None and needs_ledger and loaded.settings.ledger is None:
        # A ledger beside the one file of today would not be the one beside the two files of tomorrow.
        raise UsageError(f"{pattern} may stand for several files, which have no folder for a ledger", hint=_SAY_WHERE)
    for message, hint in (
        *_about_sources(loaded, sources, needs_ledger),
        *_about_settings(loaded),
        *_about_modes(loaded),
        *_about_limits(loaded),
    ):
        raise UsageError(message, hint=hint)


def _about_sources(loaded: Loaded, sources: Sequence[str], needs_ledger: bool) -> Iterator[tuple[str, str | None]]:
    if sources.count(STDIN) > 1:
        yield "standard input can be read only once", "Name - only once."
    twice = same_name(source for source in sources if source != STDIN)
    if twice is not None:
        yield f"{name_of(twice[0])} is named twice", _ONLY_QUERIES if twice[0] != twice[1] else None
    if needs_ledger and loaded.settings.ledger is None and sources and not has_own_ledger(sources):
        what = "several sources have" if len(sources) > 1 else f"{name_of(sources[0])} has"
        yield f"{what} no folder for a ledger", _SAY_WHERE


def _about_settings(loaded: Loaded) -> Iterator[tuple[str, str | None]]:
    settings, given = loaded.settings, loaded.given
    for name in ("base_url", "token_file", "token_command", "oauth_file"):
        if settings.simulate and given(name):
            yield (
                f"--simulate sends to a simulated HubSpot: it cannot be combined with {loaded.origins[name]}",
                "Leave out one of the two.",
            )
    if settings.fault and not settings.simulate:
        yield f"{loaded.origins['fault']} needs --simulate: faults are for the simulated HubSpot only", None
    givers = [name for name in ("token_file", "token_command", "oauth_file") if getattr(settings, name) is not None]
    if len(givers) > 1:
        first, second = (loaded.origins[name] for name in givers[:2])
        yield f"{first} and {second} both give the token", "Leave out one of the two."
    if settings.canary and settings.dry_run:
        yield "--canary sends the first batch and --dry-run sends nothing", "Leave out one of the two."
    if settings.quiet and settings.progress == "always":
        yield "--quiet and --progress always contradict one another", "Leave out one of the two."
    if settings.settle_max < settings.settle and given("settle_max"):
        yield "--settle-max must be at least --settle", None
    if settings.key and given("duplicates") and settings.duplicates == "create":
        yield (
            "--duplicates create is for rows without a key: rows of one key are one campaign",
            "Leave out --duplicates create, or --key.",
        )
    if settings.key and given("same_name") and settings.same_name == "create":
        yield (
            "--same-name create is for rows without a key: a key tells an edited row from a new one",
            "Leave out --same-name create, or --key.",
        )


def _about_limits(loaded: Loaded) -> Iterator[tuple[str, str | None]]:
    if loaded.settings.limit_redis is None:
        return
    where, variable = loaded.origins["limit_redis"], IN_FILE["limit_redis"].variable
    if loaded.settings.limit_file is not None:
        yield f"{loaded.origins['limit_file']} and {where} both say where the limit is", "Leave out one of the two."
    if "@" in loaded.settings.limit_redis.get_secret_value() and where not in {variable, "limit_redis="}:
        yield (
            f"{where}: user and password must stand neither among the arguments nor in a file",
            f"Set {variable}, which others cannot see.",
        )


def _about_modes(loaded: Loaded) -> Iterator[tuple[str, str | None]]:
    for name in ("on_conflict", "recreate_missing", "check_unchanged"):
        if loaded.given(name) and loaded.settings.mode != "upsert":
            yield f"{loaded.origins[name]} needs --mode upsert", "Add --mode upsert --key NAME."


def has_own_ledger(sources: Sequence[str]) -> bool:
    """Whether the ledger can lie beside the source: it is one file."""
    return len(sources) == 1 and sources[0] != STDIN and not is_remote(sources[0])


def ledger_of(loaded: Loaded, sources: Sequence[str]) -> Path:
    """Return the ledger's folder: the one named, else beside the single source."""
    if loaded.settings.ledger is not None:
        return loaded.settings.ledger
    assert has_own_ledger(sources), "refuse_impossible comes first"
    return Path(sources[0] + (".simulated.ledger" if loaded.settings.simulate else ".ledger"))
