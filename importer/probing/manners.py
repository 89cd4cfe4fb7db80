"""Findings on which no assumption rests: how HubSpot treats what it is sent, and what it takes. Pure."""

from importer import canonical
from importer.hubspot.exchange import Reply
from importer.model import Result
from importer.probing.findings import Finding, Verdict, not_asked
from importer.probing.observations import STRANGE, TRACE, Create, Observations
from importer.properties import STATUSES


def echo(seen: Observations) -> Finding:
    """Say which values come back otherwise than they were sent."""
    question = "Do names, texts, empty values and dates come back as they were sent?"
    if seen.spelt is None:
        return not_asked(question)
    changed = _changes(seen.spelt)
    answer = "as sent" if changed == () else f"{len(changed)} of them not" if changed else seen.spelt.answer
    return _answered(question, answer, changed or seen.spelt.said())


def upper_case(seen: Observations) -> Finding:
    """Say what becomes of a status in upper case."""
    question = "Is hs_campaign_status taken in upper case, and how does it come back?"
    if seen.loud is None:
        return not_asked(question)
    result = _only(seen.loud)
    back = result.properties.get("hs_campaign_status") if result else None
    answer = f"comes back as {back!r}" if back else f"{seen.loud.answer}, not shown"
    return _answered(question, answer, seen.loud.said())


def twins(seen: Observations) -> Finding:
    """Say whether equal campaigns may be made."""
    question = "Are equal names taken, in one batch and in two?"
    if len(seen.twins) < 2:
        return not_asked(question)
    together, apart = seen.twins
    answer = f"together: {together.answer}, {len(together.ids)} of 2 made; once more: {apart.answer}"
    return _answered(question, answer, (*together.said(), *apart.said()))


def strange_fields(seen: Observations) -> Finding:
    """Say what becomes of fields that no document names."""
    question = f"What becomes of {TRACE} and of fields that no document names?"
    if seen.strange is None:
        return not_asked(question)
    exchange = seen.strange.exchange
    body = exchange.body if isinstance(exchange, Reply) else b""
    echoed = [field for field in (TRACE, STRANGE) if field.encode() in body]
    taken = "accepted" if seen.strange.reply else f"not accepted ({seen.strange.answer})"
    return _answered(question, f"{taken}; echoed: {', '.join(echoed) or 'neither'}", seen.strange.said())


def no_input(seen: Observations) -> Finding:
    """Say what a batch without inputs is answered."""
    question = "What is a batch of 0 inputs answered?"
    return _answered(question, seen.nothing.answer, seen.nothing.said()) if seen.nothing else not_asked(question)


def too_many_inputs(seen: Observations) -> Finding:
    """Say what a batch of 51 is answered."""
    question = "What is a batch of 51 inputs answered (all of them such as HubSpot refuses)?"
    if seen.too_many is None:
        why = seen.too_many_reason or "the probe ended before"
        return Finding(question=question, verdict=Verdict.NOT_ASKED, answer=why)
    return _answered(question, seen.too_many.answer, seen.too_many.said())


def long_names(seen: Observations) -> Finding:
    """Say how long a name may be."""
    question = "How long may a name be?"
    if not seen.long:
        return not_asked(question)
    lines = []
    for create in seen.long:
        result = _only(create)
        back = len(result.properties.get("hs_name", "")) if result else 0
        lines.append(f"{len(create.inputs[0]['hs_name'])} characters: {create.answer}, {back} came back")
    return _answered(question, lines[-1], tuple(lines[:-1]))


def name_filter(seen: Observations) -> Finding:
    """Say how the list's name filter reads what it is given."""
    question = "How does the list's filter name= read case, %, quotes and leading spaces?"
    if len(seen.by_name) < len(FILTERS):
        return not_asked(question)
    plain = frozenset(seen.plain.ids) if seen.plain else frozenset()
    spelt = frozenset(seen.spelt.ids) if seen.spelt else frozenset()
    asked = dict(zip(FILTERS, seen.by_name.items(), strict=True))
    lines = []
    for what, (text, found) in asked.items():
        shown = "no answer" if found is None else _which(found, plain, spelt)
        lines.append(f"{what}: name={text!r} finds {shown}")
    case = asked["upper case"][1]
    ignores = "no answer" if case is None else "ignores case" if plain and plain <= case else "minds case"
    return _answered(question, ignores, tuple(lines))


#: What each of the filters that the experiment asks for is about, in its order.
FILTERS = ("upper case", "a percent sign as it is", "a percent sign as a wildcard", "quotes", "a leading space")


def _which(found: frozenset[str], plain: frozenset[str], spelt: frozenset[str]) -> str:
    among = [word for word, ids in (("the plain one", plain), ("the one with signs", spelt)) if ids and ids <= found]
    return f"{len(found)} campaigns ({' and '.join(among) or 'neither the plain one nor the one with signs'})"


def token_info(seen: Observations) -> Finding:
    """Say whether the endpoint that describes tokens takes this one."""
    question = "Does the endpoint that describes a token take this one?"
    if seen.token_info is None:
        return not_asked(question)
    (status,) = seen.token_info
    return _answered(question, "no answer" if status is None else "yes" if status == 200 else f"no, {status}", ())


def statuses(seen: Observations) -> Finding:
    """Say which values hs_campaign_status takes."""
    question = "Which values does hs_campaign_status take?"
    if seen.statuses is None:
        why = "its definition could not be read" if seen.plain else "the probe ended before"
        return Finding(question=question, verdict=Verdict.NOT_ASKED, answer=why)
    unknown = sorted(set(seen.statuses) - set(STATUSES))
    gone = sorted(set(STATUSES) - set(seen.statuses))
    lines = (
        f"not known to the importer: {', '.join(unknown) or 'none'}",
        f"known to it, not there: {', '.join(gone) or 'none'}",
    )
    return _answered(question, ", ".join(seen.statuses), lines)


QUESTIONS = (
    echo, upper_case, twins, strange_fields, no_input, too_many_inputs, long_names, name_filter, token_info, statuses,
)  # fmt: skip


def _answered(question: str, answer: str, evidence: tuple[str, ...]) -> Finding:
    return Finding(question=question, answer=answer, verdict=Verdict.ANSWERED, evidence=evidence)


def _only(create: Create) -> Result | None:
    return create.reply.results[0] if create.reply and len(create.reply.results) == 1 else None


def _changes(create: Create) -> tuple[str, ...] | None:
    """Return what came back otherwise than it was sent, a line each; None where nothing came back."""
    result = _only(create)
    if result is None:
        return None
    lines = []
    for name, sent in create.inputs[0].items():
        back = result.properties.get(name)
        if back != sent:
            alike = canonical.value_of(name, back or "") == canonical.value_of(name, sent)
            same = "the same in canonical form" if alike else "another value"
            lines.append(f"{name}: sent {sent!r}, back {back!r}: {same}")
    return tuple(lines)
