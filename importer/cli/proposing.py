"""`init`: look at a file, propose how to import it, write that as a configuration file, and say what to type next."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio

from importer.cli import proposal_shown as report
from importer.cli.combinations import has_own_ledger, ledger_of
from importer.cli.commands import with_settings
from importer.cli.errors import show_error
from importer.cli.flags import IN_FILE
from importer.cli.pasting import command_line
from importer.cli.planning import build_plan, ready_mappings
from importer.cli.screen import Screen
from importer.cli.session import plain_error
from importer.cli.token import token_source
from importer.errors import AccessError, ExitStatus, ImporterError, UsageError
from importer.hubspot.inquiries import Inquiries
from importer.mapping import CampaignMapping, parse_mapping
from importer.plan import Plan
from importer.proposing import account_properties, ready, writing
from importer.proposing.account_properties import Known
from importer.proposing.columns import columns_of
from importer.proposing.proposal import propose
from importer.proposing.sampling import Sample, take_sample
from importer.report.words import many
from importer.settings import DEFAULT_FILE, Loaded, Settings

#: Settings of the command line which the file keeps, so that a run needs no option.
_KEPT: Final = (
    "format", "encoding", "delimiter", "allow_special", "token_file", "token_command", "base_url", "api_version",
)  # fmt: skip
_REAL: Final = frozenset({"token_file", "token_command", "base_url"})  #: settings which --simulate does not go with
_STDOUT: Final = "-"


def init(source: str, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Write the configuration file for `source`; return the exit status."""
    del argv
    output = str(flags.get("output") or DEFAULT_FILE)
    force = bool(flags.get("force"))
    settings = {name: one for name, one in flags.items() if name not in {"output", "force"}}
    if output != _STDOUT and not force and Path(output).exists():
        return show_error(_there_already(output), Screen())

    def begin(loaded: Loaded, screen: Screen) -> int:
        plan = _plan(loaded, source)
        sample = take_sample(source, plan.reading, encoding_given=settings.get("encoding") is not None)
        known = _properties(loaded, plan, screen)
        told = {name: settings[name] for name in _KEPT if settings.get(name) is not None}
        if sample.encoding:
            told["encoding"] = sample.encoding
        text = _proposed(sample, known, told, screen)
        if output == _STDOUT:
            screen.data(text.rstrip("\n"))
            return int(ExitStatus.OK)
        _write(Path(output), text, force=force)
        screen.say(f"\nwrote {output}", style="bold")
        _say_next(loaded, source, output, screen, real=not _REAL.isdisjoint(told))
        return int(ExitStatus.OK)

    return with_settings(settings, begin)


def _there_already(output: str) -> UsageError:
    return UsageError(f"{output} is there already", hint="--force writes over it; -o FILE writes another.")


def _plan(loaded: Loaded, source: str) -> Plan:
    """Return a plan without what an earlier file says of reading: the new one will not say it."""
    usual = Settings.model_construct()
    names = ("mapping", "format", "encoding", "delimiter")
    stale = [name for name in names if loaded.origins.get(name) not in {IN_FILE[name].option, IN_FILE[name].variable}]
    settings = loaded.settings.model_copy(update={"mapping": None} | {name: getattr(usual, name) for name in stale})
    plain = replace(loaded, settings=settings)
    folder = ledger_of(loaded, [source]) if loaded.settings.ledger or has_own_ledger([source]) else Path()
    return build_plan(plain, (source,), ledger=folder, offline=True)


# The account's own properties


def _properties(loaded: Loaded, plan: Plan, screen: Screen) -> Known | None:
    """Return the account's properties, asked now where there is a token, else as they were kept; say which."""
    reason = "there is no token"
    try:
        answer = anyio.run(_asked, loaded, plan)
    except AccessError as error:
        reason = error.message
    except ImporterError:
        raise
    except Exception as error:  # noqa: BLE001 - a task group wraps what it raises
        raise plain_error(error) from None
    else:
        if isinstance(answer, Known):
            _keep(plan.ledger, answer, screen)
            screen.notice(f"properties: {len(answer.definitions)} of the account, asked just now")
            return answer
        reason = answer
    known = account_properties.kept(plan.ledger, base_url=plan.transport.base_url)
    if known is None:
        screen.notice(f"properties: HubSpot's own that are known here; the account was not asked ({reason})")
        return None
    age = account_properties.age(time.time() - known.asked_at)
    screen.notice(f"properties: {len(known.definitions)} of the account, asked {age} ({reason})")
    return known


async def _asked(loaded: Loaded, plan: Plan) -> Known | str:
    """Ask HubSpot, or a simulator in this process; raise `AccessError` without a token. Cancellation: nothing left."""
    from importer.hubspot.transport import HubSpotTransport  # noqa: PLC0415 - aiohttp is slow to import
    from importer.simulator.server import Simulator  # noqa: PLC0415 - as above

    async with AsyncExitStack() as stack:
        where, token = plan.transport, plan.token
        if plan.simulator is not None:
            simulator = await stack.enter_async_context(Simulator(plan.simulator))
            where = replace(where, base_url=simulator.base_url)
        else:
            token = token_source(loaded.settings)
        transport = HubSpotTransport(token, where)
        stack.push_async_callback(transport.aclose)
        inquiries = Inquiries(transport, where.api_version)
        return await account_properties.ask(inquiries, base_url=plan.transport.base_url, wall=time.time)


def _keep(folder: Path, known: Known, screen: Screen) -> None:
    try:
        account_properties.keep(folder, known)
    except OSError as error:
        screen.notice(f"the properties could not be kept in {folder}: {error.strerror or error}", style="yellow")


# The file


def _proposed(sample: Sample, known: Known | None, told: Mapping[str, Any], screen: Screen) -> str:
    """Return the configuration file's text; say what it does with the sample."""
    definitions = known.definitions if known is not None else ()
    ready_one = ready.fitting(ready_mappings(), sample.columns, sample.rows)
    rows = many(len(sample.rows), "row") if sample.whole else f"the first {many(len(sample.rows), 'row')}"
    command = command_line(["run", sample.source])
    if ready_one is not None:
        left = _unused(ready_one, sample)
        report.show(report.Shown(sample, ready_one, rows, _of_ready(ready_one), left), screen)
        lines = writing.head(command, f"{rows} of it", {**told, "mapping": ready_one.name})
        return "\n".join([*lines, f"# A ready mapping that fits: config/mappings/{ready_one.name}.toml", ""])
    proposal = propose(columns_of(sample.columns, sample.rows), name=_named(sample.source), definitions=definitions)
    mapping = parse_mapping(proposal.mapping(), name=proposal.name)
    report.show(report.Shown(sample, mapping, rows, proposal, proposal.left), screen)
    lines = [*writing.head(command, f"{rows} of it", told), *writing.mapping_lines(proposal)]
    return "\n".join([*lines, ""])


def _unused(mapping: CampaignMapping, sample: Sample) -> dict[str, str]:
    """Return the columns that a mapping neither sends nor compares, and why."""
    used = {column for rule in mapping.rules for column in rule.columns} | set(mapping.key)
    reasons = {True: "the mapping leaves them behind on purpose", False: "the mapping does not know them"}
    return {column: reasons[column in mapping.ignore] for column in sample.columns if column not in used}


def _of_ready(mapping: CampaignMapping) -> str:
    return f'the ready mapping "{mapping.name}" fits and is taken whole'


def _named(source: str) -> str:
    """Return the mapping's name: the file's, without folder and endings."""
    return Path(source).name.split(".")[0] or "campaigns"


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise _there_already(str(path)) from None
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror or error}"
        raise UsageError(text, hint="-o FILE writes it elsewhere.") from None


def _say_next(loaded: Loaded, source: str, output: str, screen: Screen, *, real: bool) -> None:
    """Say the command that imports now, and the one that only rehearses it, or checks it where the file is `real`."""
    named = [] if output == DEFAULT_FILE else ["--config", output]
    settings = loaded.settings
    token = settings.token is not None or settings.token_file is not None or settings.token_command is not None
    if real:
        screen.say(f"check it:     {command_line(['check', *named, source])}")
    else:
        screen.say(f"rehearse it:  {command_line(['run', '--simulate', *named, source])}")
    screen.say(f"import it:    {command_line(['run', *named, source])}{'' if token else '  (needs a token)'}")
