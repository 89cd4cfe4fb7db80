"""`doctor`: a tick or a remedy for whatever an import needs; nothing in its output is secret."""

import json
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

from importer.cli import doctoring_shared
from importer.cli.combinations import refuse_impossible
from importer.cli.commands import with_settings
from importer.cli.doctor_shown import as_objects, show
from importer.cli.errors import show_error
from importer.cli.planning import build_plan
from importer.cli.screen import Screen
from importer.cli.session import plain_error
from importer.cli.token import token_source
from importer.doctor import asking, disk, findings
from importer.doctor.findings import Finding
from importer.errors import AccessError, ImporterError, UsageError
from importer.hubspot.inquiries import Inquiries
from importer.plan import Plan
from importer.settings import Loaded
from importer.version import VERSION


def doctor(argument: None, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Look at everything and say it; return the exit status."""
    del argument, argv
    if flags.get("shared") is not None:
        return doctoring_shared.doctor(flags)
    if flags.get("shared_wait") is not None:
        return show_error(UsageError("--shared-wait needs --shared"), Screen(), as_json=bool(flags.get("json")))
    as_json = bool(flags.get("json"))
    settings = {name: one for name, one in flags.items() if name not in {"ledger", "shared", "shared_wait"}}

    def begin(loaded: Loaded, screen: Screen) -> int:
        refuse_impossible(loaded, (), needs_ledger=False)
        folder = Path(flags.get("ledger") or loaded.settings.ledger or ".")
        plain = replace(loaded, settings=loaded.settings.model_copy(update={"mapping": None}))
        plan = build_plan(plain, (), ledger=folder, offline=True)
        found = [*_remote(loaded, plan), disk.examine(folder)]
        status = findings.status_of(found)
        if as_json:
            screen.data(json.dumps(_object(found, int(status), plan), ensure_ascii=False, indent=2))
        else:
            where = "a simulated HubSpot" if plan.simulator is not None else plan.transport.base_url
            show(found, where, screen)
            bad = sum(one.state == "bad" for one in found)
            screen.notice("nothing stands in the way of an import" if not bad else f"{bad} to mend before an import",
                          style="red" if bad else "green")  # fmt: skip
        return int(status)

    return with_settings(settings, begin)


def _remote(loaded: Loaded, plan: Plan) -> list[Finding]:
    """Return what token and HubSpot are like; without a token, that alone."""
    try:
        return anyio.run(_asked, loaded, plan)
    except AccessError as error:
        return [Finding("token", "bad", error.message, error.hint or "", error.exit_status)]
    except ImporterError:
        raise
    except Exception as error:  # noqa: BLE001 - a task group wraps what it raises
        raise plain_error(error) from None


async def _asked(loaded: Loaded, plan: Plan) -> list[Finding]:
    """Ask HubSpot, or a simulator in this process. Cancellation: nothing left behind."""
    from importer.hubspot.transport import HubSpotTransport  # noqa: PLC0415 - aiohttp is slow to import
    from importer.simulator.server import Simulator  # noqa: PLC0415 - as above

    async with AsyncExitStack() as stack:
        where, token = plan.transport, plan.token
        found: list[Finding] = []
        if plan.simulator is None:
            token = token_source(loaded.settings)
            found.append(findings.token(token()))
        else:
            simulator = await stack.enter_async_context(Simulator(plan.simulator))
            where = replace(where, base_url=simulator.base_url)
            found.append(Finding("token", "ok", "none needed: HubSpot is simulated"))
        transport = HubSpotTransport(token, where)
        stack.push_async_callback(transport.aclose)
        inquiries = Inquiries(transport, where.api_version)
        return [*found, *await asking.ask(transport, inquiries, token=token(), wall=time.time)]


def _object(found: Sequence[Finding], status: int, plan: Plan) -> dict[str, Any]:
    return {
        "status": status,
        "version": VERSION,
        "python": platform.python_version(),
        "system": platform.system(),
        "base_url": plan.transport.base_url,
        "api_version": plan.transport.api_version,
        "findings": as_objects(found),
    }
