"""A look at a campaign's items, and an answer to the making of one: what each proves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.hubspot import steps
from importer.hubspot.exchange import NoReply, NoReplyKind, Reply
from importer.hubspot.items import ShownItem, encode_item, parse_item, parse_totals
from importer.hubspot.throttle import WaitPolicy
from importer.hubspot.wire import UnreadableReplyError
from importer.items.judging import judge_item
from importer.items.telling import tell
from importer.model import CampaignItem

ITEM = CampaignItem("budget", "Ads", "12.5", 1)


def there(name: str = "Ads", amount: float = 12.5, order: int | None = 1, kind: str = "budget") -> ShownItem:
    """Return an item as it is shown."""
    return ShownItem(f"id{name}{amount}{order}{kind}", kind, name, amount, order)


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ([], "absent"),
        ([there()], "found"),
        ([there("  ads ")], "found"),
        ([there(order=9)], "found"),
        ([there(order=None)], "found"),
        ([there("Adverts")], "absent"),
        ([there(amount=12.51)], "absent"),
        ([there(kind="spend")], "absent"),
        ([there(), there(order=2)], "found"),
        ([there(order=3), there(order=2)], "unclear"),
        ([there(), there("ads")], "unclear"),
    ],
)
def test_what_a_look_tells(shown: list[ShownItem], found: str) -> None:
    """Kind, name and amount say which item it is; the order decides between several, and proves nothing by itself."""
    told = tell(ITEM, shown)
    assert found == ("found" if told.id else "unclear" if told.unclear else "absent")


@given(
    st.sampled_from(["budget", "spend"]),
    st.text(min_size=1).filter(str.strip),
    st.decimals(min_value=0, max_value=10**12, places=2),
    st.integers(0, 10**6),
    st.text(max_size=9),
)
def test_what_is_sent_is_recognised(kind: str, name: str, amount: object, order: int, description: str) -> None:
    """Whatever name and amount: the body that is sent, shown back, is that item and no other amount's."""
    item = CampaignItem(kind, name, f"{amount:f}", order, description)
    try:
        body = encode_item(item)
    except TypeError:  # a lone surrogate, which no source lets through
        return
    shown = parse_item(kind, body[:-1] + b',"id":"1"}')
    assert tell(item, [shown]).id == "1"
    assert tell(item._replace(amount=f"{amount}1"), [shown]).id is None


def reply(status: int, body: bytes = b"") -> Reply:
    """Return an answer."""
    return Reply(status=status, body=body, sent_at=0.0, answered_at=0.0)


GOOD = b'{"id":"7","name":"Ads","amount":12.5,"order":1,"createdAt":1,"updatedAt":1}'
LOST = NoReply(kind=NoReplyKind.TIMEOUT, detail="", on_wire=True, sent_at=0.0, ended_at=1.0)
UNSENT = NoReply(kind=NoReplyKind.DNS, detail="", on_wire=False, sent_at=None, ended_at=1.0)


@pytest.mark.parametrize(
    ("exchange", "step"),
    [
        (reply(201, GOOD), None),
        (reply(200, GOOD), None),
        (reply(201, GOOD.replace(b"Ads", b"Other")), steps.LookUp),
        (reply(201, GOOD.replace(b"12.5", b"99")), steps.LookUp),
        (reply(201, b'{"status":"COMPLETE","results":[]}'), steps.LookUp),
        (reply(201, b"<html>"), steps.LookUp),
        (reply(204), steps.LookUp),
        (reply(500), steps.LookUp),
        (reply(504), steps.LookUp),
        (reply(408), steps.LookUp),
        (LOST, steps.LookUp),
        (UNSENT, steps.Resend),
        (reply(423), steps.Resend),
        (reply(429), steps.Resend),
        (reply(400), steps.Bisect),
        (reply(409), steps.Bisect),
        (reply(413), steps.SplitBySize),
        (reply(401), steps.Stop),
        (reply(403), steps.Stop),
        (reply(404), steps.Stop),
        (reply(477), steps.Pause),
        (reply(302), steps.Stop),
    ],
)
def test_what_an_answer_proves(exchange: Reply | NoReply, step: type | None) -> None:
    """Made only where the answer shows that very item; never sent again but where nothing can have been made."""
    verdict, shown = judge_item(ITEM, exchange, WaitPolicy())
    assert (shown is not None) == (step is None)
    if step is not None:
        assert isinstance(verdict.step, step)


def test_an_answer_that_is_out_of_step_hangs_up() -> None:
    """Its connection is closed: what follows there would be the answer to another request."""
    calls: list[str] = []
    wrong = Reply(
        status=201, body=b'{"results":[]}', sent_at=0.0, answered_at=0.0, hang_up=lambda: calls.append("closed")
    )
    judge_item(ITEM, wrong, WaitPolicy())
    assert len(calls) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"budgetItems":[]}', b'{"budgetItems":"","spendItems":[]}',
        b'{"budgetItems":[1],"spendItems":[]}', b'{"budgetItems":[{"id":"1","name":"a","amount":"5"}],"spendItems":[]}',
        b'{"budgetItems":[{"id":1,"name":"a","amount":5}],"spendItems":[]}',
        b'{"budgetItems":[{"id":"1","name":null,"amount":5}],"spendItems":[]}',
        b'{"budgetItems":[{"id":"1","name":"a","amount":true}],"spendItems":[]}',
    ],
)  # fmt: skip
def test_totals_that_cannot_be_read(body: bytes) -> None:
    """What is not the promised shape tells nothing, least of all that there are no items."""
    with pytest.raises(UnreadableReplyError):
        parse_totals(body)
