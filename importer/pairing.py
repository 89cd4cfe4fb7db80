"""Inputs and results of one request, brought together by the values they hold.

HubSpot answers in any order and nothing in its answer points back to an input, so the values themselves have to
tell. A *class* is a set of canonically equal inputs; its members are interchangeable. A *claim* is a result which
is no repeat and whose id is new. It is *compatible* with a class when it could be one of its campaigns:

- in a reply (`complete=False`) whatever it shows of what the class sent is canonically equal. What it does not show
  and what the class did not send (or sent empty) say nothing: servers hide properties and fill in others.
- in a re-read or a listing of all that was sent (`complete=True`) it shows exactly what the class sent.

Three steps, each on what the former left:

1. key: the claim alone shows the correlation value of one input alone, and contradicts nothing else of it.
2. whole: claims and inputs are equal as multisets.
3. class: the claim is compatible with one class only, agrees with it in a value, and the class is not *crowded*: no
   more claims are compatible with it than it has inputs. (A name unique on both sides is the usual case.)

Why no pair is wrong. Take a claim that step 3 pairs with class C. Were it ours, it would be compatible with its own
class, so that is C. So it is foreign; then at most |C| - 1 other claims are compatible with C, and one campaign of
C is not in the reply. A wrong pair thus needs a foreign campaign equal in everything it shows *and* the lack of one
that it is taken for. In step 2 claims and inputs are equally many, so a foreign one again means that one of ours
lacks; without either, each claim shows at most what its input sent and the totals are equal: it shows exactly that.

Where the design's words would admit a wrong pair, the stricter reading is taken:

- All claims compatible with a class crowd it, not only those without another choice: of inputs N, M and claims {N},
  {}, {M} the second may be N's own, and then the first is foreign although nothing is missing. So a name decides
  only when no nameless claim could bear it, and of more equal campaigns than equal inputs none is paired.
- Inputs which differ only in properties that are not echoed (brands) look alike but are no class: they are left.
- An id shown with two contents is paired with nothing and crowds with both; so does one that was not read back.
- A key is no proof against a contradiction, and a claim that shows nothing of what was sent proves nothing.

What remains open. A server that fills one campaign with the value which another input of its name sent, and hides that
other's, can deceive step 2; in a complete reading content decides then, not origin. A value changed beyond its
canonical form makes a campaign foreign; `Pairs.near` names it. This module is pure.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, TypeVar

from importer import canonical
from importer.model import Pairing, Result

_NAME: Final = "hs_name"
_K = TypeVar("_K")
_V = TypeVar("_V")
_Sent = Sequence[Mapping[str, str]]
_Form = frozenset[tuple[str, str]]


class Pair(NamedTuple):
    """One input and the campaign that was made of it."""

    index: int  # type: ignore[assignment]  # 0-based place of the input; the tuple's method of that name is not missed
    result: Result
    how: Pairing
    normalised: Mapping[str, str] | None  #: property → value as shown, where it differs from what was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Every input once, in `pairs` or in `left`; every result once, in `pairs` or in `unexpected`."""

    pairs: tuple[Pair, ...]  #: by index
    left: tuple[int, ...]  #: indices of the inputs that are in doubt, ascending
    unexpected: tuple[Result, ...]  #: results paired with nothing, in the order of the reply
    near: Mapping[int, Result]  #: index in `left` → an unexpected campaign of the same name, for the message


def never(_id: str) -> bool:
    """Know no id."""
    return False


class _Terms(NamedTuple):
    """The terms of one look, as `pair` takes them."""

    known: Callable[[str], bool]
    correlation: tuple[str, Sequence[str]] | None
    ignored: frozenset[str]
    complete: bool
    unread: AbstractSet[str] = frozenset()  #: ids that were to be read back, and were not


def pair(
    sent: Sequence[Mapping[str, str]],
    results: Sequence[Result],
    *,
    known: Callable[[str], bool] = never,
    correlation: tuple[str, Sequence[str]] | None = None,
    ignored: frozenset[str] = canonical.NOT_ECHOED,
    complete: bool = False,
) -> Pairs:
    """Pair the inputs of one request with the campaigns of its reply, or of a reading that asked for all that was sent.

    Args:
        sent: The properties of each input as they were sent.
        results: The campaigns shown.
        known: Whether the journal holds this id already; such a campaign is never ours again.
        correlation: The property which holds the record's identity, and its value for each input ("" for none).
        ignored: Sent properties that HubSpot does not show, or shows elsewhere.
        complete: Whether all that was sent was asked for, so that what is not shown is empty.
    """
    terms = _Terms(known, correlation, ignored, complete)
    nothing = Pairs(pairs=(), left=tuple(range(len(sent))), unexpected=(), near={})
    return _match(sent, nothing, results, terms)


def pair_again(
    sent: Sequence[Mapping[str, str]],
    first: Pairs,
    reread: Sequence[Result],
    *,
    known: Callable[[str], bool] = never,
    correlation: tuple[str, Sequence[str]] | None = None,
    ignored: frozenset[str] = canonical.NOT_ECHOED,
) -> Pairs:
    """Pair what `first` left, now that its unexpected campaigns were read back with all the properties sent.

    `sent`, `known`, `correlation` and `ignored` are those of the first call. Only ids that `first` found unexpected
    are used; of those that were not read back, `first` tells what crowds. Returns both looks as one.
    """
    used = {pair.result.id for pair in first.pairs}
    usable = {result.id for result in first.unexpected if result.id not in used and not known(result.id)}
    read = {result.id for result in reread}
    unread = [result for result in first.unexpected if result.id not in read]
    terms = _Terms(lambda result_id: result_id not in usable, correlation, ignored, True, usable - read)
    return _match(sent, first, [*reread, *unread], terms)


class _Input(NamedTuple):
    """One input in canonical form."""

    at: int  #: its index
    visible: dict[str, str]  #: what a result may show of it
    content: _Form  #: all of it: equal for the members of one class


class _Claim(NamedTuple):
    """One result in canonical form."""

    result: Result
    visible: dict[str, str]  #: what it shows of the properties that some input sent
    trusted: bool  #: False when its id is blank, shown with other content too, or not read back: it only crowds
    complete: bool  #: whether it shows all there is

    def contradicts(self, one: _Input) -> bool:
        """Tell whether it shows another value than the input sent."""
        return any(one.visible.get(name, value) != value for name, value in self.visible.items())

    def fits(self, one: _Input) -> bool:
        """Tell whether it is compatible with the class of this input."""
        return self.visible == one.visible if self.complete else not self.contradicts(one)


_Found = Iterator[tuple[Sequence[_Input], Sequence[_Claim], Pairing]]  # inputs of one class, as many claims or fewer


def _match(sent: _Sent, first: Pairs, results: Sequence[Result], terms: _Terms) -> Pairs:
    """Take the three steps for what `first` left; return its pairs with the new ones."""
    key, keys = terms.correlation or ("", ())
    full = [{**properties, key: value} for properties, value in zip(sent, keys, strict=True)] if key else sent
    compared = {name for properties in full for name in properties} - terms.ignored
    forms = [(index, canonical.form(full[index], without=())) for index in first.left]
    inputs = [_Input(at, {k: form[k] for k in form if k in compared}, frozenset(form.items())) for at, form in forms]
    claims = list(_claims(results, terms, compared))
    pairs = {pair.index: pair for pair in first.pairs}
    for step in (partial(_by_key, key), _by_whole, _by_class):
        for ours, found, how in list(step(inputs, claims)):
            label = Pairing.REREAD if terms.complete and how is not Pairing.KEY else how
            for index, claim in _assigned(sent, ours, found, compared):
                pairs[index] = Pair(index, claim.result, label, _changed(sent[index], claim, compared))
        taken = {pair.result.id for pair in pairs.values()}
        inputs = [one for one in inputs if one.at not in pairs]
        claims = [claim for claim in claims if claim.result.id not in taken]
    paired = {pair.result.id: pair for pair in pairs.values()}
    left = tuple(one.at for one in inputs)
    return Pairs(
        pairs=tuple(pairs[index] for index in sorted(pairs)),
        left=left,
        unexpected=tuple(result for result in results if not paired.pop(result.id, None)),
        near=_near(sent, left, (claim.result for claim in claims)),
    )


def _claims(results: Sequence[Result], terms: _Terms, compared: AbstractSet[str]) -> Iterator[_Claim]:
    """Yield the results that could be ours: those whose id is new, repeats of the same content left out."""
    contents: dict[str, list[dict[str, str]]] = defaultdict(list)
    fresh: list[tuple[Result, dict[str, str]]] = []
    for result in results:
        if not terms.known(result.id):
            shown = {name: value for name, value in result.properties.items() if name in compared}
            form = canonical.form(shown, without=())
            if not result.id or form not in contents[result.id]:
                contents[result.id].append(form)
                fresh.append((result, form))
    for result, form in fresh:
        read = result.id not in terms.unread
        trusted = read and bool(result.id) and len(contents[result.id]) == 1
        yield _Claim(result, form, trusted=trusted, complete=read and terms.complete)


def _by_key(name: str, inputs: Sequence[_Input], claims: Sequence[_Claim]) -> _Found:
    """Step 1."""
    owners = _grouped((one.visible.get(name), one) for one in inputs)
    for key, rivals in _grouped((claim.visible.get(name), claim) for claim in claims).items():
        ours = owners.get(key, [])
        if key and len(ours) == len(rivals) == 1 and rivals[0].trusted and not rivals[0].contradicts(ours[0]):
            yield ours, rivals, Pairing.KEY


def _by_whole(inputs: Sequence[_Input], claims: Sequence[_Claim]) -> _Found:
    """Step 2."""
    shown = _grouped((frozenset(claim.visible.items()), claim) for claim in claims)
    wanted = _grouped((frozenset(one.visible.items()), one) for one in inputs)
    equal = {form: len(ours) for form, ours in wanted.items()} == {form: len(found) for form, found in shown.items()}
    if equal and all(claim.trusted for claim in claims):
        for form, ours in wanted.items():
            if len({one.content for one in ours}) == 1:
                yield ours, shown[form], Pairing.EXACT


def _by_class(inputs: Sequence[_Input], claims: Sequence[_Claim]) -> _Found:
    """Step 3."""
    classes = _grouped((one.content, one) for one in inputs)
    named = _grouped((ours[0].visible.get(_NAME), content) for content, ours in classes.items())
    rivals: dict[_Form, list[_Claim]] = defaultdict(list)
    sure: dict[_Form, list[_Claim]] = defaultdict(list)
    for claim in claims:
        name = claim.visible.get(_NAME)
        candidates = [*named.get(name, ()), *named.get(None, ())] if name else classes
        homes = [content for content in candidates if claim.fits(classes[content][0])]
        for content in homes:
            rivals[content].append(claim)
        if len(homes) == 1 and claim.trusted and not claim.visible.keys().isdisjoint(classes[homes[0]][0].visible):
            sure[homes[0]].append(claim)
    names = Counter(one.visible.get(_NAME) for one in inputs), Counter(claim.visible.get(_NAME) for claim in claims)
    for content, found in sure.items():
        if len(rivals[content]) <= len(classes[content]):
            name = found[0].visible.get(_NAME)
            by_name = name and names[0][name] == names[1][name] == 1
            yield classes[content], found, Pairing.NAME if by_name else Pairing.COMPATIBLE


def _assigned(
    sent: _Sent, inputs: Sequence[_Input], claims: Sequence[_Claim], compared: AbstractSet[str]
) -> Iterator[tuple[int, _Claim]]:
    """Yield an input of the class for each claim: what is equal to the letter belongs together, the rest in order."""

    def told(properties: Mapping[str, str]) -> _Form:
        return frozenset((name, value) for name, value in properties.items() if name in compared)

    spare = _grouped((told(sent[one.at]), one.at) for one in reversed(inputs))
    rest = []
    for claim in claims:
        equal = spare.get(told(claim.result.properties))
        if equal:
            yield equal.pop(), claim
        else:
            rest.append(claim)
    yield from zip(sorted(at for ats in spare.values() for at in ats), rest, strict=False)


def _changed(sent: Mapping[str, str], claim: _Claim, compared: AbstractSet[str]) -> dict[str, str] | None:
    shown = claim.result.properties.items()
    return {name: value for name, value in shown if name in compared and sent.get(name, value) != value} or None


def _grouped(items: Iterable[tuple[_K, _V]]) -> dict[_K, list[_V]]:
    """Return key → its values, in order."""
    groups: dict[_K, list[_V]] = {}
    for key, value in items:
        groups.setdefault(key, []).append(value)
    return groups


def _near(sent: _Sent, left: Iterable[int], unexpected: Iterable[Result]) -> dict[int, Result]:
    """Return for the inputs that are left an unexpected campaign of the same name, where there is one."""
    named = {canonical.name_key(one.properties.get(_NAME, "")): one for one in unexpected}
    named.pop("", None)
    names = {index: canonical.name_key(sent[index].get(_NAME, "")) for index in left} if named else {}
    return {index: named[name] for index, name in names.items() if name in named}
