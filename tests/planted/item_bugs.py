"""Deliberate breakages around budget and spend items, one promise each."""

from typing import Final

from tests.planted.bug import Bug

ITEM_BUGS: Final = (
    Bug("item_intent_not_durable", "items: an item is announced durably before its request", "items/sending.py",
        "            n = await self.journal.announce(entry)\n",
        "            n = self.journal.tail.n\n            self.journal.put(entry)\n",
        "tests/items/test_item_crashes.py"),
    Bug("late_item_not_waited_for", "items: one that may still land is not taken for absent", "items/sending.py",
        "            if absent_since is None and looked >= lands:\n", "            if absent_since is None:\n",
        "tests/items"),
    Bug("item_sent_again_unseen", "items: a lost answer is looked up", "items/sending.py",
        "                return await self._look_up(one, n, lands=lands, last=number == ATTEMPTS_MAX), True\n",
        '                return self._close(one, n, Event.ABSENT, None, kind="looked"), bool(lands)\n',
        "tests/items"),
    Bug("earlier_items_forgotten", "items: what an earlier run announced is looked up first", "items/sending.py",
        "        if doubt is not None:\n", "        if doubt is not None and not doubt:\n",
        "tests/items/test_item_crashes.py"),
    Bug("refused_item_believed", "items: the first refusal is looked up", "items/sending.py",
        "        if not self.believes_refusals:\n", "        if self.believes_refusals:\n",
        "tests/items"),
    Bug("items_of_a_lookup_lost", "items: they fall due however their campaign is found", "ledger/fold.py",
        "            items_fold.fall_due(self, intent, [(index,)])\n", "", "tests/ledger/test_items_fold.py"),
    Bug("equal_items_taken_for_one", "items: what cannot be told is not guessed", "items/telling.py",
        "    if len(equal) > 1:\n        return Told(unclear", "    if len(equal) > 9:\n        return Told(unclear",
        "tests/items/test_telling.py"),
    Bug("amount_guessed", "items: an amount that could be two is none", "items/amounts.py",
        "        if decimal is None and _EITHER.fullmatch(bare):\n", "        if not bare:\n",
        "tests/items/test_item_mapping.py"),
    Bug("bad_amount_dropped", "items: a bad amount fails its row before the create", "items/mapped.py",
        "        if problems:\n            return Rejection(one.row", "        if not problems and not cells:\n"
        "            return Rejection(one.row", "tests/items"),
    Bug("archived_items_made", "items: those of an archived campaign are not due", "ledger/items_due.py",
        "                if not taken_back.get(of, 0) >> index & 1:\n", "                if found:\n",
        "tests/items"),
)  # fmt: skip
