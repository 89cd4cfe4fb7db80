"""Observations to findings: one small function a question, in the order of the report. Pure."""

from collections.abc import Iterable
from typing import Final

from importer import canonical
from importer.model import Result
from importer.moments import epoch
from importer.probing import manners
from importer.probing.findings import Finding, Verdict, not_asked
from importer.probing.observations import Create, Observations

SKEW_MAX_S: Final = 300.0  #: what A2 allows


def judge(seen: Observations) -> tuple[Finding, ...]:
    """Return every finding, those on which an assumption rests first."""
    about = (one_bad_input, other_refusals, not_provoked, created_at, shows_by_name, shows_as_newest, ids_are_unique,
             ids_are_stable)  # fmt: skip
    return tuple(question(seen) for question in (*about, *manners.QUESTIONS))


# A1


def one_bad_input(seen: Observations) -> Finding:
    """Say what one bad input does to the good one beside it."""
    question = "One bad input of two: what is the answer, and was the good one made?"
    pair = seen.pair
    if pair is None:
        return not_asked(question, "A1")
    made = sorted(_listed_names(seen, pair))
    evidence = (*pair.said(), f"in the list {seen.settle_s:g} s later: {', '.join(made) or 'neither'}")
    if not pair.refused:
        return Finding(
            question=question, assumption="A1", verdict=Verdict.CANNOT_TELL, evidence=evidence,
            answer=f"{pair.answer}: the request as a whole is not refused, {len(pair.ids)} of 2 made",
        )  # fmt: skip
    verdict = _nothing_made(seen, [pair])
    words = {Verdict.HOLDS: "nothing was made", Verdict.BROKEN: f"although {len(made)} of 2 were made"}
    answer = f"{pair.answer}, {words.get(verdict, 'and nobody can tell what was made')}"
    return Finding(question=question, assumption="A1", verdict=verdict, evidence=evidence, answer=answer)


def other_refusals(seen: Observations) -> Finding:
    """Say whether any other refused request made something."""
    question = "Did any other refused request make something?"
    if seen.plain is None:
        return not_asked(question, "A1")
    refused = [create for create in seen.creates if create.refused and create.inputs and create is not seen.pair]
    verdict = _nothing_made(seen, refused)
    hopeless = all(create is seen.too_many for create in refused)
    if hopeless and verdict is Verdict.HOLDS:  # HubSpot makes none of those even alone: that they are absent is no news
        verdict = Verdict.CANNOT_TELL
    names = sorted({name for create in refused for name in _listed_names(seen, create)})
    answer = f"{len(refused)} refused; made all the same: {', '.join(name[:60] for name in names) or 'none'}"
    evidence = tuple(line for create in refused for line in create.said())
    return Finding(question=question, assumption="A1", verdict=verdict, evidence=evidence, answer=answer)


def not_provoked(seen: Observations) -> Finding:
    """Say which refusals are only assumed to make nothing."""
    del seen
    return Finding(
        question="Do 409, 413, 423 and 429 make nothing?", assumption="A1", verdict=Verdict.NOT_ASKED,
        answer="not provoked: that would disturb the account's other users",
    )  # fmt: skip


def _nothing_made(seen: Observations, refused: Iterable[Create]) -> Verdict:
    asked = list(refused)
    if any(_listed_names(seen, create) for create in asked):
        return Verdict.BROKEN
    shows = all(delay.seconds is not None for delay in seen.delays.values()) and bool(seen.delays)
    looked = seen.looked is not None and (seen.too_many not in asked or seen.finally_looked is not None)
    return Verdict.HOLDS if asked and shows and looked else Verdict.CANNOT_TELL


def _listed_names(seen: Observations, create: Create) -> set[str]:
    """Return the names of a request's inputs under which the list holds campaigns that no answer names."""
    wanted = {canonical.name_key(each["hs_name"]) for each in create.inputs}
    answered = {campaign for other in seen.creates if other is not create for campaign in other.ids}
    shown = [*(seen.looked or ()), *(seen.finally_looked or ())]
    return {
        each.properties["hs_name"].strip()
        for each in shown
        if each.id not in answered and canonical.name_key(each.properties["hs_name"]) in wanted
    }


# A2


def created_at(seen: Observations) -> Finding:
    """Say how far createdAt is from the server's clock."""
    question = "How far is createdAt from the clock that Date shows?"
    if seen.plain is None:
        return not_asked(question, "A2")
    offs = [
        max(create.clock[0] - made, made - create.clock[1], 0.0)
        for create in seen.creates
        if create.clock is not None and create.reply is not None
        for result in create.reply.results
        if (made := epoch(result.created_at or "")) is not None
    ]
    if not offs:
        return Finding(question=question, assumption="A2", verdict=Verdict.CANNOT_TELL, answer="nothing to compare")
    verdict = Verdict.HOLDS if max(offs) <= SKEW_MAX_S else Verdict.BROKEN
    answer = f"at most {max(offs):.1f} s off, in {len(offs)} campaigns (A2 allows {SKEW_MAX_S:g} s)"
    return Finding(question=question, assumption="A2", verdict=verdict, answer=answer)


# A3


def shows_by_name(seen: Observations) -> Finding:
    """Say how soon a campaign is found by its name."""
    return _delay(seen, "name", "How soon does the list show a new campaign, asked for by name?")


def shows_as_newest(seen: Observations) -> Finding:
    """Say how soon a campaign stands among the newest."""
    return _delay(seen, "createdAt", "How soon does the list show a new campaign, newest first?")


def _delay(seen: Observations, way: str, question: str) -> Finding:
    delay = seen.delays.get(way)
    if seen.plain is not None and not seen.plain.ids:
        answer = f"there was no campaign to look for: {seen.plain.answer}"
        return Finding(question=question, assumption="A3", verdict=Verdict.CANNOT_TELL, answer=answer)
    if delay is None:
        return not_asked(question, "A3")
    if delay.seconds is not None:
        answer = f"{delay.seconds:.1f} s after the answer (A3 allows {seen.settle_s:g} s)"
        return Finding(question=question, assumption="A3", verdict=Verdict.HOLDS, answer=answer)
    verdict = Verdict.BROKEN if delay.answered else Verdict.CANNOT_TELL
    answer = f"not within {seen.settle_s:g} s" if delay.answered else "the list did not answer"
    return Finding(question=question, assumption="A3", verdict=verdict, answer=answer)


# A4


def ids_are_unique(seen: Observations) -> Finding:
    """Say whether an id stood for two campaigns."""
    question = "Is each id in the answers another one?"
    if seen.plain is None:
        return not_asked(question, "A4")
    all_of = [campaign for create in seen.creates for campaign in create.ids]
    twice = sorted({campaign for campaign in all_of if all_of.count(campaign) > 1})
    if not all_of:
        return Finding(question=question, assumption="A4", verdict=Verdict.CANNOT_TELL, answer="no id was told")
    verdict = Verdict.BROKEN if twice else Verdict.HOLDS
    answer = f"{len(all_of)} ids, {len(twice)} of them more than once"
    return Finding(question=question, assumption="A4", verdict=verdict, answer=answer, evidence=tuple(twice))


def ids_are_stable(seen: Observations) -> Finding:
    """Say whether an id still names its campaign when it is read again, and listed."""
    question = "Does an id name the same campaign when it is read again, twice, and listed?"
    if not seen.reads or seen.plain is None:
        return not_asked(question, "A4")
    first, second = ({r.id: _name(r) for r in read} if read is not None else None for read in seen.reads)
    told = {r.id: _name(r) for create in seen.creates if create.reply for r in create.reply.results if _name(r)}
    ours = {campaign: name for campaign, name in told.items() if canonical.name_key(seen.name) in name}
    if first is None or second is None or not ours:
        return Finding(question=question, assumption="A4", verdict=Verdict.CANNOT_TELL, answer="no answer to compare")
    moved = sorted(campaign for campaign, name in ours.items() if {first.get(campaign), second.get(campaign)} != {name})
    plain = {r.id for r in seen.looked or () if _name(r) == canonical.name_key(seen.name)}
    strange = sorted(plain - set(seen.plain.ids)) if seen.plain.ids else []
    verdict = Verdict.BROKEN if moved or strange else Verdict.HOLDS
    answer = f"{len(ours)} ids read twice: {len(moved)} changed; {len(strange)} other ids in the list"
    return Finding(question=question, assumption="A4", verdict=verdict, answer=answer, evidence=(*moved, *strange))


def _name(result: Result) -> str:
    return canonical.name_key(result.properties.get("hs_name", ""))
