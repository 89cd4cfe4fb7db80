"""The claim of pairing, against an oracle that knows which campaign was made of which input.

The world of these tests: inputs with few names and few values, so that twins are frequent; a server that makes
campaigns of them, rewrites values within the canonical form, hides properties and fills in others; and a reply that
lacks some, holds foreign ones, repeats some or all of itself, and comes in any order.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from importer import canonical, echo, pairing
from importer.model import Pairing, Result
from tests.depth import examples

KEY = "import_key"
RANDOMS = st.integers(0, 2**32).map(Random)
QUICK = settings(max_examples=examples(100, deep=1_000), suppress_health_check=list(HealthCheck))

Values = dict[str, str]
VALUES = {
    "hs_name": ["Spring", "Spring ", "Café", "Cafe\u0301", "Autumn  sale"],
    "hs_notes": ["", "a", "a b", "a  b", "\u212bngström"],
    "hs_start_date": ["2024-05-01", "2024-05-02", "1714521600000"],
    "hs_currency_code": ["EUR", "eur", "USD", ""],
    "hs_business_unit_ids": ["1", "2"],
}
NAMES = [*VALUES, KEY, "hs_utm"]
REWRITES: Sequence[Callable[[str, str], str]] = [
    lambda name, value: value,
    lambda name, value: f" {value}\t" if value else value,
    lambda name, value: " ".join(value.split()),
    lambda name, value: unicodedata.normalize("NFD", value),
    lambda name, value: unicodedata.normalize("NFC", value),
    lambda name, value: value.swapcase() if name in canonical.CODE_PROPERTIES else value,
    lambda name, value: f"{canonical.day(value)}T00:00:00Z" if name in canonical.DATE_PROPERTIES and value else value,
    lambda name, value: _epoch(canonical.day(value)) if name in canonical.DATE_PROPERTIES and value else value,
]


def _epoch(day: str) -> str:
    return str(int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000))


class Made(NamedTuple):
    """A campaign as it is at HubSpot."""

    id: str
    owner: int | None  #: index of the input it was made of; None for a foreign one
    properties: Values


@dataclass(frozen=True)
class World:
    """One request, what the server made, and its reply."""

    sent: list[Values]
    keys: list[str] | None
    made: dict[str, Made]  #: everything that is in the reply, by id
    results: list[Result]
    known: frozenset[str]

    @property
    def correlation(self) -> tuple[str, list[str]] | None:
        """The correlation as `pair` takes it."""
        return (KEY, self.keys) if self.keys else None

    def pair(self, results: Sequence[Result] | None = None) -> pairing.Pairs:
        """Pair the reply."""
        shown = self.results if results is None else results
        return pairing.pair(self.sent, shown, known=self.known.__contains__, correlation=self.correlation)

    def whole(self, index: int) -> Values:
        """What was sent for an input, its key included."""
        return self.sent[index] | ({KEY: self.keys[index]} if self.keys else {})

    def content(self, index: int) -> Values:
        """The class of an input."""
        return canonical.form(self.whole(index), without=())


inputs = st.builds(
    lambda name, rest: {"hs_name": name, **rest},
    st.sampled_from(VALUES["hs_name"]),
    st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(values) for name, values in VALUES.items() if name != "hs_name"}
    ),
)


@st.composite
def worlds(draw: st.DrawFn, *, fills: bool = True) -> World:
    """Draw a request and a reply to it (or to another one); what the server does with values comes from a seed."""
    sent = draw(st.lists(inputs, min_size=1, max_size=5))
    random = Random(draw(st.integers(0, 2**32)))
    keys = [f"key{index}" for index in range(len(sent))] if random.random() < 0.3 else None
    default: Values = random.choice([{}, {}, {"hs_currency_code": "EUR"}, {"hs_utm": "x"}]) if fills else {}
    own = [Made(f"own{index}", index, default | _made(sent, keys, index)) for index in range(len(sent))]
    present = draw(st.lists(st.sampled_from(own), unique_by=lambda made: made.id)) if random.random() < 0.5 else own
    strangers = draw(st.lists(inputs | st.sampled_from(sent), max_size=2))
    foreign = [Made(f"foreign{index}", None, default | properties) for index, properties in enumerate(strangers)]
    made = random.sample([*present, *foreign], len(present) + len(foreign))
    # A server that fills a property with a value which others sent, and hides it of these, is beyond the claim.
    same = _some(random) if random.random() < 0.5 or "hs_currency_code" in default else None
    results = [_shown(random, one, same or _some(random)) for one in made]
    if results and random.random() < 0.2:
        results.append(random.choice(results))
    if len(results) > 1 and random.random() < 0.2:  # an id on another campaign's content
        results.append(results[0]._replace(properties=random.choice(results).properties))
        random.shuffle(results)
    known = frozenset(one.id for one in foreign if random.random() < 0.2)
    return World(sent, keys, {one.id: one for one in made}, results, known)


def _some(random: Random) -> set[str]:
    """Return the properties that a reply shows: often all, else any of them."""
    return set(NAMES) if random.random() < 0.4 else {name for name in NAMES if random.random() < 0.6}


def _made(sent: Sequence[Values], keys: Sequence[str] | None, index: int) -> Values:
    kept = {name: value for name, value in sent[index].items() if value}
    return kept | ({KEY: keys[index]} if keys else {})


def _shown(random: Random, made: Made, shown: set[str]) -> Result:
    rewrite, again = random.choices(REWRITES, k=2)
    properties = {name: rewrite(name, again(name, value)) for name, value in made.properties.items() if name in shown}
    return Result(made.id, properties, None)


def compatible(shown: Mapping[str, str], sent: Mapping[str, str]) -> bool:
    """Say, independently of pairing, whether a campaign is equal to an input in everything it shows of it."""
    ours, theirs = canonical.form(sent), canonical.form(shown)
    return all(ours[name] == theirs[name] for name in ours.keys() & theirs.keys())


def wrong(world: World, pairs: pairing.Pairs) -> list[pairing.Pair]:
    """Return the pairs that join a campaign to an input of another class."""
    owners = ((pair, world.made[pair.result.id].owner) for pair in pairs.pairs)
    return [pair for pair, owner in owners if owner is None or world.content(owner) != world.content(pair.index)]


def excused(world: World, results: Sequence[Result]) -> bool:
    """Say whether the reply holds a foreign campaign equal in everything it shows and lacks one of ours."""
    owned = {world.made[result.id].owner for result in results}
    strangers = [one for one in results if world.made[one.id].owner is None and one.id not in world.known]
    takes = any(compatible(one.properties, world.whole(at)) for one in strangers for at in range(len(world.sent)))
    return takes and not owned.issuperset(range(len(world.sent)))


def check_books(world: World, pairs: pairing.Pairs) -> None:
    """Check that every input is somewhere once, no id is used twice and none that the journal knows."""
    ids = [pair.result.id for pair in pairs.pairs]

    assert sorted([pair.index for pair in pairs.pairs] + list(pairs.left)) == list(range(len(world.sent)))
    assert len(set(ids)) == len(ids)
    assert world.known.isdisjoint(ids)
    assert set(pairs.near) <= set(pairs.left)


@QUICK
@given(worlds())
def test_no_pair_is_wrong(world: World) -> None:
    """No wrong pair, unless a foreign campaign equal in all it shows is there and one of ours is not."""
    pairs = world.pair()

    check_books(world, pairs)
    assert len(pairs.pairs) + len(pairs.unexpected) == len(world.results)
    assert not wrong(world, pairs) or excused(world, world.results)


@QUICK
@given(worlds(), RANDOMS)
def test_no_pair_is_wrong_after_a_reread(world: World, random: Random) -> None:
    """The second look keeps the claim, also when the re-read lacks some of the campaigns it was asked for."""
    first = world.pair()
    asked = sorted({result.id for result in first.unexpected})
    lacking = random.random() < 0.5
    returned = [one for one in asked if not lacking or random.random() < 0.7]
    reread = [_shown(random, world.made[one], set(NAMES)) for one in returned]

    pairs = pairing.pair_again(world.sent, first, reread, known=world.known.__contains__, correlation=world.correlation)

    check_books(world, pairs)
    assert all(pair in pairs.pairs for pair in first.pairs)
    assert excused(world, world.results) or not [pair for pair in wrong(world, pairs) if not _as_wanted(world, pair)]


def _as_wanted(world: World, pair: pairing.Pair) -> bool:
    """Say whether a filled value made the campaign just as this input wanted it; content decides in a re-read."""
    wanted, is_now = canonical.form(world.whole(pair.index)), canonical.form(world.made[pair.result.id].properties)
    return {
        name: is_now[name] for name in is_now.keys() & ({name for one in world.sent for name in one} | {KEY})
    } == wanted


@QUICK
@given(worlds(), RANDOMS)
def test_position_tells_nothing(world: World, random: Random) -> None:
    """Any order of the reply gives the same pairs, interchangeable inputs aside."""
    shuffled = random.sample(world.results, len(world.results))

    def told(pairs: pairing.Pairs) -> set[tuple[frozenset[tuple[str, str]], str, Pairing]]:
        return {(frozenset(world.content(one.index).items()), one.result.id, one.how) for one in pairs.pairs}

    assert told(world.pair()) == told(world.pair(shuffled))


@QUICK
@given(worlds(fills=False), RANDOMS)
def test_everything_is_paired_when_everything_is_shown(world: World, random: Random) -> None:
    """Nothing missing, nothing foreign, all properties echoed, in any spelling and order: every input is paired."""
    visible = [canonical.form(world.whole(at)) for at in range(len(world.sent))]
    twins = [
        (a, b)
        for a, form in enumerate(visible)
        for b in range(a)
        if form == visible[b] and world.content(a) != world.content(b)
    ]
    assume(not twins)  # brands are not echoed: they cannot be told apart
    own = [Made(f"own{at}", at, _made(world.sent, world.keys, at)) for at in range(len(world.sent))]
    results = [_shown(random, one, set(NAMES)) for one in random.sample(own, len(own))]

    pairs = world.pair(results)

    assert (pairs.left, pairs.unexpected, pairs.near) == ((), (), {})


@QUICK
@given(worlds(fills=False), RANDOMS)
def test_unique_names_that_are_echoed_pair_what_is_there(world: World, random: Random) -> None:
    """With names of their own, shown, every campaign that is there is paired, whatever else it shows or lacks."""
    names = [canonical.text(one["hs_name"]) for one in world.sent]
    assume(len(set(names)) == len(names))
    own = [Made(f"own{at}", at, _made(world.sent, world.keys, at)) for at in range(len(world.sent))]
    present = random.sample(own, random.randint(0, len(own)))
    foreign = [Result("foreign", {"hs_name": "Elsewhere"}, None)] * random.randint(0, 1)

    pairs = world.pair([*(_shown(random, one, {"hs_name"} | _some(random)) for one in present), *foreign])

    assert {pair.index for pair in pairs.pairs} == {one.owner for one in present}
    assert list(pairs.unexpected) == foreign


@QUICK
@given(worlds())
def test_the_short_way_gives_the_answer_of_the_long_one(world: World) -> None:
    """Pairing a verbatim reply by its bytes finds exactly what the three steps find, or leaves it to them."""
    whole = [Result(f"own{at}", dict(properties), None) for at, properties in reversed([*enumerate(world.sent)])]
    more = [one._replace(properties={**one.properties, "hs_object_id": one.id}) for one in whole]
    names = [properties.get("hs_name", "") for properties in world.sent]
    payloads = [canonical.framed(properties) for properties in world.sent]
    for results in (world.results, more, whole):
        short = echo.verbatim(names, payloads, results, known=world.known.__contains__)

        if short is not None:
            long = pairing.pair(world.sent, results, known=world.known.__contains__)
            assert (long.left, long.unexpected) == ((), ())
            assert [pair.result for pair in long.pairs] == short
            assert {(pair.how, pair.normalised) for pair in long.pairs} == {(Pairing.EXACT, None)}
    unique = len({*names}) == len(names) and world.known.isdisjoint(result.id for result in whole)
    shown = all(canonical.NOT_ECHOED.isdisjoint(properties) for properties in world.sent)
    event(f"short: {unique and shown}")
    assert (short is not None) == (unique and shown)
