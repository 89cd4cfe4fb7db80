"""The usual reply: what passes for a repetition to the letter, and what is left to the three steps of pairing."""

from collections.abc import Sequence

from importer import canonical, echo
from importer.model import Created, Pairing, Result
from importer.outcomes import Findings

SENT = [{"hs_name": "X", "hs_notes": "d"}, {"hs_name": "Y"}]
NAMES = ["X", "Y"]
PAYLOADS = [canonical.framed(one) for one in SENT]


def shown(*order: int, ids: Sequence[str] = "ab", **other: str) -> list[Result]:
    """Return the campaigns of some inputs, each with `other` properties too."""
    return [Result(ids[at], {**SENT[at], **other}, "2024-05-01T00:00:00Z") for at in order]


def test_an_echo_is_paired_in_any_order() -> None:
    """The names say which is which."""
    for order in ((0, 1), (1, 0)):
        assert echo.verbatim(NAMES, PAYLOADS, shown(*order)) == shown(0, 1)


def test_what_is_journaled_of_an_echo_is_what_any_exact_pair_says() -> None:
    """The short way and the long one write the same outcome."""
    long = [Created(at, one.id, one.created_at, Pairing.EXACT) for at, one in enumerate(shown(0, 1))]

    assert Findings.as_sent(shown(0, 1)) == Findings.of(long, [])


def test_what_nobody_sent_says_nothing() -> None:
    """A server that adds its own properties to each campaign, ids and dates, still repeats every input."""
    more = {"hs_object_id": "7", "hs_createdate": "2024-05-01"}

    assert echo.verbatim(NAMES, PAYLOADS, shown(1, 0, **more)) == shown(0, 1, **more)


def test_what_is_no_echo_is_left_to_pairing() -> None:
    """Too few or too many, a value that differs, an id that is blank, known or given twice, a name that comes twice.

    Nor is a reply that fills in what another input sent.
    """
    assert echo.verbatim(NAMES, PAYLOADS, [shown(0)[0], shown(1, hs_notes="d")[0]]) is None
    assert echo.verbatim(NAMES, PAYLOADS, shown(0)) is None
    assert echo.verbatim(NAMES, PAYLOADS, [*shown(0, 1), Result("c", {"hs_name": "Z"}, None)]) is None
    assert echo.verbatim(NAMES, PAYLOADS, shown(0, 1, hs_notes="e")) is None
    assert echo.verbatim(NAMES, PAYLOADS, shown(0, 1, ids=["", "b"])) is None
    assert echo.verbatim(NAMES, PAYLOADS, shown(0, 1, ids="aa")) is None
    assert echo.verbatim(NAMES, PAYLOADS, shown(0, 1), known={"b"}.__contains__) is None
    assert echo.verbatim(["X", "X"], [PAYLOADS[0]] * 2, shown(0, 0)) is None


def test_brands_are_never_an_echo() -> None:
    """What HubSpot shows elsewhere tells nothing apart, though its name may stand in a value."""
    sent = {"hs_name": "X", "hs_business_unit_ids": "1"}
    quoted = {"hs_name": '"hs_business_unit_ids":'}

    assert echo.verbatim(["X"], [canonical.framed(sent)], [Result("a", sent, None)]) is None
    assert echo.verbatim([quoted["hs_name"]], [canonical.framed(quoted)], [Result("a", quoted, None)]) is not None
