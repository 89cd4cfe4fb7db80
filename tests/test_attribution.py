"""Attribution: an error is given to an input only where that is proved, and a reason only where it is its own."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.attribution import attribute, named_by, refused_alone
from importer.model import Failed, Finding, InDoubt, RemoteError, Returned

Values = dict[str, str]
SPRING: Values = {"hs_name": "Spring sale", "hs_start_date": "2024-05-01", "hs_currency_code": "EUR"}
SUMMER: Values = {"hs_name": "Summer sale", "hs_start_date": "soon", "hs_currency_code": "XXX"}
AUTUMN: Values = {"hs_name": "Autumn sale", "hs_notes": "see attached"}
ROWS = [(1, SPRING), (4, SUMMER), (6, AUTUMN)]
VAGUE = RemoteError("Invalid input")


def said(message: str = "Invalid input", **context: str) -> RemoteError:
    """Return an error with a context of single values."""
    return RemoteError(message, category="VALIDATION_ERROR", context={key: (value,) for key, value in context.items()})


def judged(
    rows: Sequence[tuple[int, Values]], errors: Sequence[RemoteError], changed: Mapping[str, int | None] | None = None
) -> list[Finding]:
    """Attribute in a reply with 7 results whose counts hold, but for what is `changed`."""
    counts: dict[str, int | None] = {"sent_count": 7 + len(rows), "num_errors": len(errors), "unexpected": 0}
    counts |= changed or {}
    return attribute(
        rows,
        errors,
        results_count=7,
        sent_count=counts["sent_count"] or 0,
        num_errors=counts["num_errors"],
        unexpected=counts["unexpected"] or 0,
    )


def kinds(findings: Sequence[Finding]) -> dict[int, str]:
    """Return index → attribution of a failure, or the kind of the finding."""
    return {one.index: one.attribution if isinstance(one, Failed) else type(one).__name__ for one in findings}


#: Ways in which the counts of a reply with three errors and three inputs left do not add up.
MISCOUNTS: list[dict[str, int | None]] = [{"sent_count": 11}, {"num_errors": 4}, {"num_errors": 2}, {"unexpected": 1}]


@pytest.mark.parametrize(
    "error",
    [
        said(hs_name="Summer sale"),
        said(campaignName=" Summer  sale"),
        said(value="Summer sale"),
        said(hs_currency_code="xxx"),
        said(propertyName="hs_start_date", value="soon"),
        RemoteError('Property values were not valid: [{"message":"no date","name":"hs_start_date","value":"soon"}]'),
    ],
)
@pytest.mark.parametrize("miscount", MISCOUNTS)
def test_a_value_in_the_context_names_its_input_whatever_the_counts(
    error: RemoteError, miscount: dict[str, int | None]
) -> None:
    """A name, or a property's value under its own key, proves a failure; the others are in doubt."""
    findings = judged(ROWS, [VAGUE, error, VAGUE], miscount)

    assert kinds(findings) == {1: "InDoubt", 4: "value", 6: "InDoubt"}


@pytest.mark.parametrize(
    "error",
    [
        said(propertyName="hs_currency_code"),
        said(hs_currency_code="GBP"),
        said(limit="EUR"),
        RemoteError("", context={"hs_currency_code": ("EUR", "USD")}),
        RemoteError("", context={"hs_name": ("Spring sale", "Summer sale")}),
        said('Campaign "Summer sale" is not valid'),
    ],
)
def test_what_could_mean_something_else_names_nobody(error: RemoteError) -> None:
    """Lists of permitted values, values under other keys, several names and, without counts, messages prove nothing."""
    assert set(kinds(judged(ROWS, [error])).values()) == {"InDoubt"}


def test_short_and_numeric_names_are_not_met_by_chance() -> None:
    """A campaign called 255 is not meant by a maximum of 255, unless the key says that it is a name."""
    rows = [(0, {"hs_name": "255"}), (1, {"hs_name": "ab"}), (2, SPRING)]

    assert kinds(judged(rows, [said(max="255"), said(language="ab")]))[0] == "InDoubt"
    assert kinds(judged(rows, [said(name="255")]))[0] == "value"


def test_a_value_that_two_inputs_have_names_neither() -> None:
    """Twins cannot be told apart by their name; where the counts hold both are sent again alone."""
    errors = [said(hs_name="Spring sale"), said(hs_name="Spring sale")]

    assert kinds(judged([(0, SPRING), (1, SPRING)], errors)) == {0: "Returned", 1: "Returned"}


@pytest.mark.parametrize(
    "message",
    [
        'Campaign "Summer sale" is not valid',
        "Campaign 'Summer sale' is not valid",
        "Not valid: Summer sale",
        "Not valid: Summer  sale.",
        "Summer sale; not valid",
        "[Summer sale] is not valid",
        'Bad date "soon"',
    ],
)
def test_a_message_names_its_input_where_the_counts_hold(message: str) -> None:
    """A delimited name or other value in the text is believed when every input is a result or an error."""
    assert kinds(judged(ROWS, [VAGUE, said(message), VAGUE])) == {1: "Returned", 4: "value", 6: "Returned"}


@pytest.mark.parametrize("message", ["The Summer sale is odd", "Not valid: Summer sales", "Use [EUR, USD]", "oversoon"])
def test_a_mere_mention_names_nobody(message: str) -> None:
    """Part of a word or a sentence, and codes, which messages list as permitted, do not count."""
    assert set(kinds(judged(ROWS, [VAGUE, said(message), VAGUE])).values()) == {"Returned"}


def test_two_errors_on_one_input_refute_the_counts() -> None:
    """If one record has two errors, another one without a result has none, and may have been made."""
    in_context = judged(ROWS, [said(hs_name="Summer sale"), said(hs_currency_code="XXX"), VAGUE])
    in_message = judged(ROWS, [said('"Summer sale" is bad'), said('"soon" is no date'), VAGUE])

    assert kinds(in_context) == {1: "InDoubt", 4: "value", 6: "InDoubt"}
    assert set(kinds(in_message).values()) == {"InDoubt"}


def test_all_errors_of_one_input_are_told() -> None:
    """Two errors that name one record become one failure with both sentences."""
    [failed] = judged([(4, SUMMER)], [said("No.", hs_name="Summer sale"), said("Nor that.", hs_currency_code="XXX")])

    assert isinstance(failed, Failed)
    assert failed.problem.message == "No.; Nor that."


def test_the_last_input_takes_the_last_error() -> None:
    """One input and one error that is left belong together, once the counts hold."""
    [alone] = judged([(4, SUMMER)], [VAGUE])
    left_over = judged(ROWS[:2], [said(hs_name="Spring sale"), VAGUE])

    assert isinstance(alone, Failed)
    assert (alone.attribution, alone.problem.message) == ("record", "Invalid input")
    assert kinds(left_over) == {1: "value", 4: "group"}


def test_no_errors_mean_doubt() -> None:
    """Inputs that are neither results nor errors are looked up."""
    assert kinds(judged(ROWS, [])) == {1: "InDoubt", 4: "InDoubt", 6: "InDoubt"}


errors_drawn = st.lists(
    st.sampled_from([VAGUE, said(hs_name="Spring sale"), said(hs_currency_code="XXX"), said('"Autumn sale"')]),
    max_size=4,
)


counts_drawn = st.fixed_dictionaries(
    {"sent_count": st.integers(7, 12), "num_errors": st.none() | st.integers(0, 4), "unexpected": st.integers(0, 1)}
)


@settings(deadline=None, max_examples=200)
@given(st.permutations(ROWS), st.integers(0, 3), errors_drawn, counts_drawn)
def test_every_input_gets_one_finding(
    rows: list[tuple[int, Values]], size: int, errors: list[RemoteError], counts: dict[str, int | None]
) -> None:
    """Whatever the reply says: one finding each, in order; `Returned` and messages only where the counts hold."""
    rows = rows[:size]

    findings = judged(rows, errors, counts)

    told = len(errors)
    held = counts["sent_count"] == 7 + told and told == size and counts["num_errors"] in {None, told}
    held = held and counts["unexpected"] == 0
    assert [one.index for one in findings] == [index for index, _ in rows]
    assert held or not any(isinstance(one, Returned) for one in findings)
    assert held or all(isinstance(one, InDoubt) for one in findings if one.index == 6)


def test_a_record_refused_alone_says_it_in_hubspots_words() -> None:
    """The message is HubSpot's, the code ours; without a property the general remedy stands."""
    problem = refused_alone([said("This is not possible"), said("This is not possible")], SPRING)

    assert (problem.code, problem.message) == ("refused", "This is not possible")
    assert (problem.column, problem.fix) == (None, None)
    assert refused_alone([], SPRING, "status 422").message == "status 422"
    assert refused_alone([], SPRING).message


@pytest.mark.parametrize(
    ("error", "column", "fix"),
    [
        (
            said("bad", propertyName="hs_start_date")._replace(
                sub_category="CampaignValidationError.INVALID_DATE_PROPERTY"
            ),
            "hs_start_date",
            "YYYY-MM-DD",
        ),
        (
            said("Forbidden properties: [hs_owner] ... Correct ones are [hs_start_date]"),
            "hs_owner",
            "Leave out hs_owner",
        ),
        (said("bad", hs_owner="7"), "hs_owner", "Mend hs_owner"),
        (said("hs_owner is wrong"), "hs_owner", "Mend hs_owner"),
        (
            RemoteError(
                'Property values were not valid: [{"isValid":false,"message":"Property does not exist",'
                '"error":"PROPERTY_DOESNT_EXIST","name":"hs_owner"}]'
            ),
            "hs_owner",
            "Create the property hs_owner",
        ),
        (said("hs_owner or hs_start_date is wrong"), None, None),
        (said("bad", propertyName="hs_unsent"), None, None),
    ],
)
def test_the_property_an_error_is_about_gets_a_remedy(error: RemoteError, column: str | None, fix: str | None) -> None:
    """Column and fix come from what the error names, among what was sent; two candidates are none."""
    problem = refused_alone([error], SPRING | {"hs_owner": "7"})

    assert problem.column == column
    assert (problem.fix is None) if fix is None else fix in (problem.fix or "")


def test_json_packed_in_a_message_is_read_softly() -> None:
    """What is no JSON stays text, what is JSON becomes sentences, and nothing raises."""
    packed = 'Property values were not valid: [{"message":"no such option","name":"hs_notes"},{"odd":1}]'

    assert refused_alone([said(packed)], AUTUMN).message == "Property values were not valid; no such option"
    for message in ("cut [{", "[{} odd", "[{" + '"a":[' * 5_000, '[{"message": 7}]'):
        assert refused_alone([said(message)], AUTUMN).message


def test_long_messages_are_shortened() -> None:
    """A message of HubSpot's does not fill the ledger."""
    message = refused_alone([said("x" * 5_000)], SPRING).message

    assert len(message) == 500
    assert message.endswith("…")


def test_a_refused_batch_names_its_rows() -> None:
    """Context and message both count, since a refused batch made nothing."""
    sent = [SPRING, SUMMER, AUTUMN]

    assert named_by([said('"Summer sale" is bad')], sent) == (1,)
    assert named_by([said(hs_name="Autumn sale"), said('"soon" is no date')], sent) == (1, 2)


def test_a_refused_batch_that_names_nobody_or_everybody_is_halved() -> None:
    """Not sure: no name, several names in one error, or all of them."""
    sent = [SPRING, SUMMER]

    assert named_by([VAGUE], sent) == ()
    assert named_by([said('"Spring sale", "Summer sale"')], [*sent, AUTUMN]) == ()
    assert named_by([said(hs_name="Spring sale"), said(hs_name="Summer sale")], sent) == ()
    assert named_by([said(hs_name="Spring sale")], [SPRING]) == ()
