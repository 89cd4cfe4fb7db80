"""The experiment: what is sent, waited for and looked at, in its order, kept as observations.

It may be cut off anywhere: what was not come to stays None, and `judging` says "not asked" of it.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import anyio
import orjson

from importer import canonical
from importer.errors import ImporterError
from importer.hubspot import verdicts, wire
from importer.hubspot.steps import Pause, Stop
from importer.probing.bench import Bench
from importer.probing.observations import (
    INPUTS_TOO_MANY,
    NAME_LENGTHS,
    STRANGE,
    TRACE,
    Create,
    Delay,
    Observations,
    bad_input,
    spelt_input,
)

_POLL_S: Final = (0.1, 5.0)  # between two looks into the list: the first pause, and the longest


async def experiment(bench: Bench, seen: Observations, *, token: str, say: Callable[[str], None]) -> None:
    """Ask everything, into `seen`. Cancellation: `seen` holds what was come to; the campaigns stay, for `tidy`.

    Raises:
        ImporterError: HubSpot does not let us create.
    """
    say("asking what needs no campaign")
    seen.token_info = (await bench.status_of(partial(bench.inquiries.token_info, token)),)
    seen.statuses = await bench.ask(partial(bench.inquiries.property_of, "hs_campaign_status"), _options)
    say("creating one campaign, and waiting for it to show in the list")
    seen.plain = await bench.create({"hs_name": bench.name})
    _let_in(seen.plain)
    await _delays(bench, seen)
    say("creating the others")
    await _creates(bench, seen)
    say(f"waiting {seen.settle_s:g} s for whatever may still come up in the list")
    seen.looked = await bench.settle(seen.settle_s)
    await _look(bench, seen)
    await _too_many(bench, seen, say)


def _let_in(first: Create) -> None:
    """Raise what ends a run: no permission, no such API, no quota."""
    step = verdicts.judge_create(first.exchange).step
    if isinstance(step, Stop | Pause):
        error: ImporterError = step.error
        raise error


async def _delays(bench: Bench, seen: Observations) -> None:
    """Look for the first campaign, both ways, until both show it or the settle time is over."""
    assert seen.plain is not None
    if not seen.plain.ids:
        return
    wanted = canonical.name_key(bench.name)  # by name: whether ids are stable is another question
    ways: dict[str, str | None] = {"name": bench.name, "createdAt": None}
    answered = dict.fromkeys(ways, False)
    pause = _POLL_S[0]
    while ways:
        for way, name in list(ways.items()):
            found = await bench.listed(name=name)
            answered[way] = answered[way] or found is not None
            if any(canonical.name_key(result.properties["hs_name"]) == wanted for result in found or ()):
                seen.delays[way] = Delay(seconds=anyio.current_time() - seen.plain.ended, answered=True)
                del ways[way]
        left = seen.plain.ended + seen.settle_s - anyio.current_time()
        if left <= 0:
            break
        await anyio.sleep(min(pause, left) if ways else 0.0)
        pause = min(pause * 2, _POLL_S[1])
    seen.delays |= {way: Delay(seconds=None, answered=answered[way]) for way in ways}


async def _creates(bench: Bench, seen: Observations) -> None:
    """Send the batches, one after the other."""
    name = bench.name
    seen.spelt = await bench.create(spelt_input(name))
    seen.loud = await bench.create({"hs_name": f"{name} loud", "hs_campaign_status": "PLANNED"})
    twin = {"hs_name": f"{name} twin"}
    seen.twins = (await bench.create(twin, twin),)
    seen.twins += (await bench.create(twin),)
    seen.strange = await bench.create({"hs_name": f"{name} strange"}, more={TRACE: f"{name} 1", STRANGE: "x"})
    for length in NAME_LENGTHS:
        seen.long += (await bench.create({"hs_name": f"{name} long ".ljust(length, "x")}),)
        if not seen.long[-1].refused:
            break
    seen.pair = await bench.create({"hs_name": f"{name} good"}, bad_input(f"{name} bad"))
    seen.nothing = await bench.create()


async def _look(bench: Bench, seen: Observations) -> None:
    """Ask the list by names, and read every id twice."""
    name = bench.name
    for asked in (name.upper(), f"{name} 100%", f"{name[:8]}%{name[-4:]}", f'{name} 100% "Two"', f" {name}"):
        found = await bench.listed(name=asked)
        seen.by_name[asked] = None if found is None else frozenset(result.id for result in found)
    seen.reads = (await bench.read(seen.ids),)
    seen.reads += (await bench.read(seen.ids),)


async def _too_many(bench: Bench, seen: Observations, say: Callable[[str], None]) -> None:
    """Send 51 inputs, all such that HubSpot was seen to refuse and not to make; else leave it."""
    seen.too_many_reason = _why_not(bench, seen)
    if seen.too_many_reason is None:
        say(f"sending {INPUTS_TOO_MANY} inputs that HubSpot refuses, and waiting {seen.settle_s:g} s once more")
        inputs = [bad_input(f"{bench.name} {number}") for number in range(1, INPUTS_TOO_MANY + 1)]
        seen.too_many = await bench.create(*inputs, hopeless=True)
        seen.finally_looked = await bench.settle(seen.settle_s)


def _why_not(bench: Bench, seen: Observations) -> str | None:
    pair = seen.pair
    if pair is None or pair.status is None or pair.status >= 500:
        return "HubSpot did not say what it makes of a bad input"
    if seen.looked is None:
        return "the list did not answer, so nobody knows whether the bad input was made"
    if not pair.refused and not pair.errors:
        return "HubSpot did not refuse the input believed to be bad"
    if any(name.rstrip().endswith(" bad") for name in bench.ours.values()):
        return "the input believed to be bad was made"
    return None


def _options(body: bytes) -> tuple[str, ...]:
    """Return the values that a property takes, from its definition."""
    try:
        options = orjson.loads(body)["options"]
        return tuple(str(option["value"]) for option in options)
    except (ValueError, KeyError, TypeError) as error:
        raise wire.UnreadableReplyError("the definition of a property cannot be read") from error
