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
    ("ledger/journal.py", "n: int = -1", "n: int = (1)"): _PLACEHOLDER,
    ("ledger/journal.py", "offset: int = -1", "offset: int = (1)"): _PLACEHOLDER,
    ("ledger/journal.py",
     "self._sync_by = 0.0  # monotonic seconds; of the oldest entry that is not synced",
     "self._sync_by = (1.0)  # monotonic seconds; of the oldest entry that is not synced"): _PLACEHOLDER,
    ("ledger/fold.py", "continue", "break"): _ONE,
    ("pairing.py", "return False", "return None"): _FALSY,
}  # fmt: skip
