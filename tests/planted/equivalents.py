"""Mutants that no test can notice, each with the reason: (module, line as it is, line as mutated) → why."""

from typing import Final

_PLACEHOLDER: Final = "a placeholder: the number is set before anybody reads it"
_INSTANT: Final = "the two differ at one exact instant only, which lies within the slack for rounding"
_NO_READER: Final = "no row of the table reads it when there is no reply: the rows for lost requests come first"
_FALSY: Final = "its callers ask only whether it is true"
_NO_ROOM: Final = "a line this short cannot begin as an entry and end as one"
_NOT_ASKED: Final = "a reading's waits matter to a rule, and a question that was answered is put to none"
_SHAPE: Final = """not line.startswith(b'{"n":') or not line[-SEAL_BYTES:].startswith(b',"c":"')"""

_ONE: Final = "the loop has one round at most"

EQUIVALENTS: Final[dict[tuple[str, str, str], str]] = {
    ("ledger/projecting.py", "n: int = -1", "n: int = (1)"): _PLACEHOLDER,
    ("ledger/projecting.py", "offset: int = -1", "offset: int = (1)"): _PLACEHOLDER,
    ("ledger/fold.py", "continue", "break"): _ONE,
    ("pairing.py", "return False", "return None"): _FALSY,
    ("hubspot/verdicts.py",
     "_NO_REPLY: Final = Reply(status=0, sent_at=0.0, answered_at=0.0)",
     "_NO_REPLY: Final = Reply(status=(1), sent_at=0.0, answered_at=0.0)"): _NO_READER,
    ("hubspot/verdicts.py",
     "_NO_REPLY: Final = Reply(status=0, sent_at=0.0, answered_at=0.0)",
     "_NO_REPLY: Final = Reply(status=0, sent_at=(1.0), answered_at=0.0)"): _NO_READER,
    ("hubspot/verdicts.py",
     "_NO_REPLY: Final = Reply(status=0, sent_at=0.0, answered_at=0.0)",
     "_NO_REPLY: Final = Reply(status=0, sent_at=0.0, answered_at=(1.0))"): _NO_READER,
    ("hubspot/verdicts.py",
     "reading = _Reading(reply=exchange, lost=None, batch=None, errors=(), waits=waits or WaitPolicy())",
     "reading = _Reading(reply=exchange, lost=None, batch=None, errors=(), waits=(WaitPolicy()))"): _NOT_ASKED,
    ("hubspot/verdicts.py",
     "reading = _Reading(reply=exchange, lost=None, batch=None, errors=(), waits=waits or WaitPolicy())",
     "reading = _Reading(reply=exchange, lost=None, batch=None, errors=(), waits=(waits and WaitPolicy()))"):
    _NOT_ASKED,
    ("hubspot/verdicts.py",
     "reading = _Reading(reply=exchange, lost=None, batch=None, errors=(), waits=waits or WaitPolicy())",
     "reading = _Reading(reply=exchange, lost=None, batch=None, errors=(), waits=(waits))"): _NOT_ASKED,
    ("reconcile.py",
     "if soonest is not None and soonest <= now + _EPSILON_S:",
     "if soonest is not None and (soonest < now + _EPSILON_S):"): _INSTANT,
    ("reconcile.py",
     "due = [doubt for doubt in self.doubts if doubt.next_look <= now]",
     "due = [doubt for doubt in self.doubts if (doubt.next_look < now)]"): _INSTANT,
    ("reconcile.py",
     "if now - since < self.policy.looks_apart_s - _EPSILON_S:",
     "if (now - since <= self.policy.looks_apart_s - _EPSILON_S):"): _INSTANT,
    ("reconcile.py",
     "over = not self.can_look or now - doubt.first_look > self.policy.settle_max_s",
     "over = not self.can_look or (now - doubt.first_look >= self.policy.settle_max_s)"):
    "the maximum is no promise to the instant: one look more or less at exactly that time",
    ("reconcile.py",
     "if failure is None and exhausted and self._may_give_up():",
     "if (exhausted and self._may_give_up()):"):
    "only a refused batch has a failure of its own, and no refused batch is exhausted",
    ("reconcile.py",
     'return {"i": 0, "code": "exhausted", "message": message, "column": None, "fix": None, "attribution": "record",',
     'return {"i": (1), "code": "exhausted", "message": message, "column": None, "fix": None, "attribution": "record",'
     ): _PLACEHOLDER,
    ("ledger/codec.py",
     "if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > _INTEGER_BITS:",
     "if (isinstance(value, int) and value.bit_length() > _INTEGER_BITS):"): "a truth value has one bit",
    ("ledger/codec.py",
     'if not isinstance(entry, dict) or entry.get("n") != n:', "if (entry.get('n') != n):"):
    "what is JSON and ends as a seal does is an object",
    ("ledger/codec.py", f"if len(line) <= SEAL_BYTES or {_SHAPE}:", f"if (len(line) < SEAL_BYTES) or {_SHAPE}:"):
    _NO_ROOM,
    ("ledger/codec.py", f"if len(line) <= SEAL_BYTES or {_SHAPE}:", f"if ({_SHAPE}):"): _NO_ROOM,
}  # fmt: skip
