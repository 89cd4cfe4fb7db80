"""Pairing by cases: each step, each refusal to guess, and every small reply there can be."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations, combinations_with_replacement, permutations, product

from importer import pairing
from importer.model import Pairing, Result

Values = dict[str, str]
KEYS = ("import_key", ["k0", "k1"])
X, XD, XE, Y = {"hs_name": "X"}, {"hs_name": "X", "hs_notes": "d"}, {"hs_name": "X", "hs_notes": "e"}, {"hs_name": "Y"}


def shown(result_id: str, properties: Values) -> Result:
    """Return a campaign as a reply shows it."""
    return Result(result_id, properties, "2024-05-01T00:00:00Z")


def told(pairs: pairing.Pairs) -> dict[int, tuple[str, Pairing]]:
    """Return index → id and how."""
    return {pair.index: (pair.result.id, pair.how) for pair in pairs.pairs}


def test_a_verbatim_reply_in_any_order_is_paired() -> None:
    """A shuffled echo pairs everything, by index, with nothing to remark."""
    pairs = pairing.pair([X, Y], [shown("y", Y), shown("x", X)])

    assert told(pairs) == {0: ("x", Pairing.EXACT), 1: ("y", Pairing.EXACT)}
    assert [pair.normalised for pair in pairs.pairs] == [None, None]
    assert (pairs.left, pairs.unexpected, pairs.near) == ((), (), {})


def test_an_empty_reply_leaves_everything() -> None:
    """No results: every input is left, none is lost."""
    pairs = pairing.pair([X, Y], [])

    assert (pairs.pairs, pairs.left, pairs.unexpected) == ((), (0, 1), ())


def test_other_spellings_of_a_value_are_kept_as_normalised() -> None:
    """What is canonically equal pairs, and the difference is told; properties nobody sent are no difference."""
    sent = {"hs_name": " Caf\u00e9  sale ", "hs_start_date": "2024-05-01", "hs_currency_code": "EUR", "hs_notes": "n"}
    back = {
        "hs_name": "Cafe\u0301 sale",
        "hs_start_date": "1714521600000",
        "hs_currency_code": "eur",
        "hs_notes": "n",
        "hs_object_id": "7",
    }

    [pair] = pairing.pair([sent], [shown("c", back)]).pairs

    assert pair.how is Pairing.EXACT
    assert pair.normalised == {name: back[name] for name in ("hs_name", "hs_start_date", "hs_currency_code")}


def test_interchangeable_inputs_take_their_own_spelling_then_the_order() -> None:
    """Within a class what is equal to the letter belongs together; the rest goes by ordinal."""
    sent = [{"hs_name": "X "}, X, {"hs_name": " X"}]

    pairs = pairing.pair(sent, [shown("a", X), shown("b", X), shown("c", {"hs_name": " X"})])

    assert {index: result for index, (result, _) in told(pairs).items()} == {0: "b", 1: "a", 2: "c"}


def test_a_class_with_fewer_campaigns_than_inputs_is_paired_in_ordinal_order() -> None:
    """Of three equal inputs with two campaigns the last is left."""
    pairs = pairing.pair([X, X, X], [shown("a", X), shown("b", X)])

    assert told(pairs) == {0: ("a", Pairing.COMPATIBLE), 1: ("b", Pairing.COMPATIBLE)}
    assert pairs.left == (2,)


def test_a_unique_name_pairs_when_nothing_shown_contradicts() -> None:
    """Names decide where properties are hidden, filled in, or a sibling is missing."""
    sent = [XD, Y, {"hs_name": "Z"}]

    pairs = pairing.pair(sent, [shown("y", Y | {"hs_notes": "filled in"}), shown("x", X)])

    assert told(pairs) == {0: ("x", Pairing.NAME), 1: ("y", Pairing.NAME)}
    assert pairs.left == (2,)


def test_a_value_changed_beyond_its_canonical_form_is_not_paired_but_named() -> None:
    """A contradiction leaves the input in doubt and the campaign unexpected; `near` joins them for the message."""
    changed = shown("x", {"hs_name": "x", "hs_notes": "truncat"})

    pairs = pairing.pair([XD, Y], [changed, shown("y", Y)])

    assert (told(pairs), pairs.left, pairs.unexpected) == ({1: ("y", Pairing.NAME)}, (0,), (changed,))
    assert pairs.near == {0: changed}


def test_the_classic_trap_pairs_nothing_without_a_second_look() -> None:
    """Inputs {X} and {X,d}, both echoed as {X}: nothing tells them apart until they are read back."""
    first = pairing.pair([X, XD], [shown("a", X), shown("b", X)])
    second = pairing.pair_again([X, XD], first, [shown("b", X), shown("a", XD)])

    assert (first.pairs, first.left) == ((), (0, 1))
    assert told(second) == {0: ("b", Pairing.REREAD), 1: ("a", Pairing.REREAD)}
    assert (second.left, second.unexpected) == ((), ())


def test_a_second_look_that_misses_a_campaign_does_not_forget_it() -> None:
    """Two campaigns claim one input; reading back only one of them proves nothing."""
    first = pairing.pair([X], [shown("a", X), shown("b", X)])
    second = pairing.pair_again([X], first, [shown("a", X)])

    assert (second.pairs, second.left) == ((), (0,))
    assert {result.id for result in second.unexpected} == {"a", "b"}


def test_a_second_look_uses_only_ids_it_asked_for() -> None:
    """A re-read cannot bring in other campaigns, nor those that are paired or known."""
    first = pairing.pair([X, Y], [shown("y", Y), shown("a", {"hs_name": "changed"}), shown("b", {"hs_name": "b"})])
    second = pairing.pair_again([X, Y], first, [shown("c", X), shown("y", X), shown("b", X)], known={"b"}.__contains__)

    assert told(second) == {1: ("y", Pairing.NAME)}
    assert second.left == (0,)


def test_a_second_look_takes_what_is_not_shown_for_empty() -> None:
    """In a complete reading {X} is not the campaign of {X,d}, nor {X,d} that of {X}."""
    for sent, read in ((XD, X), (X, XD)):
        pairs = pairing.pair([sent, Y, {"hs_name": "Z", "hs_notes": "n"}], [shown("a", read)], complete=True)

        assert pairs.pairs == ()
        assert pairs.near == {0: shown("a", read)}


def test_an_unknown_or_repeated_id_is_used_once() -> None:
    """Ids of the journal are never ours, a repeat is unexpected."""
    pairs = pairing.pair([X, Y], [shown("a", X), shown("a", X), shown("old", Y)], known={"old"}.__contains__)

    assert told(pairs) == {0: ("a", Pairing.NAME)}
    assert [result.id for result in pairs.unexpected] == ["a", "old"]
    assert pairs.near == {}


def test_an_id_with_two_contents_is_not_trusted_and_crowds() -> None:
    """A corrupt id pairs with neither content, and keeps another campaign of that content from being taken."""
    sent = [X, Y]
    corrupt = [shown("a", X), shown("a", Y)]

    assert pairing.pair(sent, corrupt).pairs == ()
    assert pairing.pair(sent, [*corrupt, shown("b", X)]).pairs == ()
    assert told(pairing.pair_again(sent, pairing.pair(sent, corrupt), [shown("a", Y)])) == {1: ("a", Pairing.REREAD)}

    keyed = [shown("a", X | {"import_key": "k0"}), shown("a", Y)]

    assert pairing.pair(sent, keyed, correlation=KEYS).pairs == ()


def test_an_echo_to_the_letter_is_held_to_the_same_rules() -> None:
    """The short way for verbatim replies knows the journal's ids and brands that are not told apart, too."""
    sent = [{"hs_name": "X", "hs_business_unit_ids": "1"}, {"hs_name": "X ", "hs_business_unit_ids": "2"}]

    assert pairing.pair([X], [shown("old", X)], known={"old"}.__contains__).left == (0,)
    assert pairing.pair(sent, [shown("a", sent[0]), shown("b", sent[1])]).left == (0, 1)


def test_a_blank_id_is_never_taken() -> None:
    """A campaign without an id cannot be recorded, so it is paired with nothing."""
    assert pairing.pair([X], [shown("", X)]).left == (0,)


def test_a_result_that_shows_nothing_sent_proves_nothing() -> None:
    """Even a single input is not given a campaign which shows none of its values."""
    assert pairing.pair([X], [shown("a", {})]).pairs == ()
    assert pairing.pair([X], [shown("a", {"hs_object_id": "1"})]).pairs == ()


def test_a_nameless_result_can_crowd_a_unique_name() -> None:
    """{N}, {d}, {M} for inputs N (with d) and M: the nameless one may be N's own, so {N} may be a stranger."""
    sent = [XD, Y]

    pairs = pairing.pair(sent, [shown("a", X), shown("b", {"hs_notes": "d"}), shown("y", Y)])

    assert pairs.pairs == ()


def test_brands_are_not_shown_so_they_are_never_guessed() -> None:
    """Inputs that differ only in a property which is not echoed look alike, but are two campaigns."""
    sent = [X | {"hs_business_unit_ids": "1"}, X | {"hs_business_unit_ids": "2"}, Y | {"hs_business_unit_ids": "1"}]

    pairs = pairing.pair(sent, [shown("a", X), shown("b", X), shown("y", Y)])

    assert told(pairs) == {2: ("y", Pairing.EXACT)}
    assert pairs.left == (0, 1)


def test_a_strangers_twin_leaves_both_campaigns_unpaired() -> None:
    """More equal campaigns than equal inputs: nobody can say which is ours."""
    pairs = pairing.pair([X, Y], [shown("a", X), shown("b", X), shown("y", Y)])

    assert told(pairs) == {1: ("y", Pairing.NAME)}
    assert len(pairs.unexpected) == 2


def test_a_key_decides_between_twins() -> None:
    """The correlation property tells equal inputs apart, also in a reply that a stranger crowds."""
    results = [shown("b", X | {"import_key": "k1"}), shown("s", X), shown("a", X | {"import_key": "k0"})]

    assert told(pairing.pair([X, X], results, correlation=KEYS)) == {0: ("a", Pairing.KEY), 1: ("b", Pairing.KEY)}


def test_a_key_is_no_proof_against_a_contradiction() -> None:
    """A key on another input's content, or on two campaigns, or garbled, pairs nothing."""
    for results in (
        [shown("a", Y | {"import_key": "k0"})],
        [shown("a", X | {"import_key": "k0"}), shown("b", X | {"import_key": "k0"})],
        [shown("a", X | {"import_key": "k"})],
    ):
        assert pairing.pair([X, Y], results, correlation=KEYS).pairs == ()


def test_a_hidden_key_leaves_the_other_steps() -> None:
    """Results that do not show the key pair by name, also beside one that does."""
    results = [shown("y", Y), shown("a", X | {"import_key": "k0"})]

    assert told(pairing.pair([X, Y], results, correlation=KEYS)) == {0: ("a", Pairing.KEY), 1: ("y", Pairing.NAME)}
    assert told(pairing.pair([X, Y], [shown("y", Y)], correlation=("import_key", ["", ""]))) == {1: ("y", Pairing.NAME)}


Reply = list[tuple[int | None, Values]]  # owner (None: foreign) and what is shown


def subsets(properties: Values) -> list[Values]:
    """Return every part of the properties that a reply may show."""
    names = chain.from_iterable(combinations(properties, size) for size in range(len(properties) + 1))
    return [{name: properties[name] for name in some} for some in names]


def small_replies() -> Iterator[tuple[Sequence[Values], Reply]]:
    """Yield every request of up to three inputs with every reply, up to one foreign campaign among them."""
    strangers: list[Values | None] = [None, *subsets(XD), XE, Y]
    for size in (1, 2, 3):
        for sent in combinations_with_replacement((X, XD, XE, Y), size):
            for parts in product(*([None, *subsets(properties)] for properties in sent)):
                own: Reply = [(at, part) for at, part in enumerate(parts) if part is not None]
                for stranger in strangers:
                    yield sent, own + ([] if stranger is None else [(None, stranger)])


def fits(part: Values, properties: Values) -> bool:
    """Say whether what is shown agrees with what was sent."""
    return all(properties.get(name, value) == value for name, value in part.items())


def wrong_replies(pair: Callable[[Sequence[Values], Sequence[Result]], dict[int, int]]) -> tuple[int, int]:
    """Return how many small replies there are, and in how many `pair` (index → place) is wrong without excuse."""
    count = wrong = 0
    for sent, reply in small_replies():
        count += 1
        pairs = pair(sent, [shown(f"{place}", part) for place, (_, part) in enumerate(reply)])
        owners = {index: reply[place][0] for index, place in pairs.items()}
        bad = any(owner is None or sent[owner] != sent[index] for index, owner in owners.items())
        taking = any(owner is None and any(fits(part, one) for one in sent) for owner, part in reply)
        lacking = len([owner for owner, _ in reply if owner is not None]) < len(sent)
        wrong += bad and not (taking and lacking)
    return count, wrong


def ours(sent: Sequence[Values], results: Sequence[Result]) -> dict[int, int]:
    """Pair as the importer does."""
    return {pair.index: int(pair.result.id) for pair in pairing.pair(sent, results).pairs}


def by_elimination(sent: Sequence[Values], results: Sequence[Result]) -> dict[int, int]:
    """Pair as one would at first: each result, in whatever order they come, with the first free input that it fits."""
    pairs: dict[int, int] = {}
    for place, result in reversed([*enumerate(results)]):
        free = [at for at, one in enumerate(sent) if at not in pairs and fits(dict(result.properties), one)]
        pairs |= dict.fromkeys(free[:1], place)
    return pairs


def test_no_small_reply_deceives() -> None:
    """Of all small replies none is paired wrongly, while guessing goes wrong in thousands of the same."""
    count, wrong = wrong_replies(ours)

    assert count > 10_000
    assert wrong == 0
    assert wrong_replies(by_elimination)[1] > 1_000


def test_a_whole_reply_is_paired_in_every_order() -> None:
    """Every request of up to three inputs, echoed in full in every order: all paired, each with its own."""
    for size in (1, 2, 3):
        for sent in combinations_with_replacement((X, XD, XE, Y), size):
            for order in permutations(range(size)):
                pairs = pairing.pair(sent, [shown(str(at), sent[at]) for at in order])

                assert pairs.left == ()
                assert all(sent[pair.index] == sent[int(pair.result.id)] for pair in pairs.pairs)
