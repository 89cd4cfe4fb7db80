"""`setup`: the custom text property that carries each record's identity, made in the account where the token may."""

from typing import Final

import orjson

from importer.errors import AccessError, PausedError, UsageError
from importer.hubspot import steps, stops, verdicts, wire
from importer.hubspot.inquiries import Inquiries
from importer.lookup import TRIES_MAX, Lookup

GROUP: Final = "campaigninformation"
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409


async def set_up(lookup: Lookup, inquiries: Inquiries, name: str) -> str:
    """Make sure that the account has the text property `name`; return what was done, one sentence.

    Cancellation: it is there or it is not; the next call looks.

    Raises:
        AccessError: the token may not make it; the hint says how a person does.
        UsageError: there is a property of this name that does not take text.
        PausedError: HubSpot cannot be reached.
    """
    found = await _look(lookup, inquiries, name)
    if found:
        return f"the property {name} is there already, and takes text"
    exchange = await lookup.ask(lambda: inquiries.make_property(definition(name)))
    verdict = verdicts.judge_read(exchange, _parsed, lookup.waits)
    if isinstance(verdict.step, steps.Use):
        return f"made the text property {name} (group {GROUP})"
    if verdict.status in {401, 403}:
        raise AccessError(f"the token may not make properties: {verdict.message}", hint=by_hand(name))
    if await _look(lookup, inquiries, name):  # an answer was lost, or somebody else was quicker
        return f"the property {name} is there now, and takes text"
    raise AccessError(f"HubSpot did not make the property {name}: {verdict.message}", hint=by_hand(name))


def by_hand(name: str) -> str:
    """Return how a person makes the property in HubSpot."""
    return (
        "Let somebody make it in HubSpot: Settings > Properties > Campaign properties > Create property, label and"
        f" internal name {name}, field type single-line text. Then run with --correlation-property {name}."
    )


def definition(name: str) -> dict[str, str]:
    """Return the property as HubSpot's API takes it."""
    return {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "type": "string",
        "fieldType": "text",
        "groupName": GROUP,
        "description": "Identity of the row from which this campaign was imported. Do not edit.",
    }


async def _look(lookup: Lookup, inquiries: Inquiries, name: str) -> bool:
    """Return whether the property is there."""
    for _ in range(TRIES_MAX):
        exchange = await lookup.ask(lambda: inquiries.property_of(name))
        verdict = verdicts.judge_read(exchange, _parsed, lookup.waits)
        match verdict.step:
            case steps.Use(data=kind):
                if kind != "string":
                    raise UsageError(
                        f"the account has a property {name} of type {kind}, which does not take text",
                        hint="Choose another name with --correlation-property.",
                    )
                return True
            case steps.Stop() if verdict.status == _NOT_FOUND:
                return False
            case steps.Stop(error=error) | steps.Pause(error=error):
                if verdict.status == 403:
                    raise AccessError(f"the token may not read properties: {verdict.message}", hint=by_hand(name))
                raise error
    raise PausedError(f"HubSpot cannot be reached: {verdict.message}", hint=stops.UNREACHABLE)


def _parsed(body: bytes) -> str:
    """Return the type of the property in an answer."""
    try:
        kind = orjson.loads(body)["type"]
    except (ValueError, KeyError, TypeError):
        raise wire.UnreadableReplyError("the answer holds no property") from None
    return str(kind)
