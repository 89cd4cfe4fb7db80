"""An answer, or none, to the making of one item: what it proves and what to do next.

The table of creates (`verdicts`) holds, since there is no idempotency key here either; only a success reads otherwise:
it is one item and not a batch, and it has to be the one that was sent. This module is pure.
"""

from importer.hubspot import steps, verdicts
from importer.hubspot.exchange import Exchange, Reply
from importer.hubspot.items import ShownItem, parse_item
from importer.hubspot.throttle import WaitPolicy
from importer.hubspot.wire import UnreadableReplyError
from importer.items.telling import is_same
from importer.model import CampaignItem

_SUCCESS = 2


def judge_item(
    item: CampaignItem, exchange: Exchange, waits: WaitPolicy
) -> tuple[steps.Verdict, ShownItem | None]:  # fmt: skip
    """Return the verdict, and the item where the answer shows that it was made.

    Any other success is an `UNKNOWN` one: the item has to be looked up.
    """
    verdict = verdicts.judge_create(exchange, waits)
    if not isinstance(exchange, Reply) or exchange.status // 100 != _SUCCESS:
        return verdict, None
    try:
        shown = parse_item(item.kind, exchange.body)
    except UnreadableReplyError:
        shown = None
    if shown is not None and is_same(item, shown):
        return verdict, shown
    exchange.hang_up()  # an answer that is out of step, and so may be all that follow it there
    return verdict, None
