"""How the index lays out what it knows as entries of fixed width, which sort by their key. Pure.

Every entry begins with the 16 bytes of its identity. Identities are digests, so their first bits are as good as random:
they place an entry in a sorted file without a search, and a key in a filter without another hash.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from struct import Struct
from typing import Final, NamedTuple

from importer import canonical
from importer.model import State

VERSION: Final = 5  #: of the index; another one is made again from the journal
KEY_BYTES: Final = 16
NAME_BYTES: Final = 8

CODES: Final = {State.OPEN: 0, State.IN_DOUBT: 1, State.CREATED: 2, State.FAILED: 3, State.UNRESOLVED: 4}
_CREATED: Final = bytes([CODES[State.CREATED]])  # as it stands in an entry
STATES: Final = {code: state for state, code in CODES.items()}
#: States whose name guards against an edited row being made a second time.
GUARDING: Final = frozenset({State.IN_DOUBT, State.CREATED, State.UNRESOLVED})
GUARDING_CODES: Final = frozenset(CODES[state] for state in GUARDING)

#: identity, code of the state, content, name, source, run that met it, line
STATE_ENTRY: Final = Struct(">16sB8s8sIIQ")
#: identity, content, source, line, how often it was met
MARK_ENTRY: Final = Struct(">16s8sIQI")

#: Where the parts of a state entry begin.
CODE_AT: Final = 16
CONTENT_AT: Final = 17
NAME_AT: Final = 25
SOURCE_AT: Final = 33
RUN_AT: Final = 37
RUN_END: Final = 41
MARK_SOURCE_AT: Final = 24  #: the same of a mark entry
SOURCE_BYTES: Final = 4

_new_known: Final = tuple.__new__  # one is made for each record of a second pass, and this takes half the time

#: An identity was met in this pass: content (16 hex digits), number of the source, line or ordinal, how often.
Mark = tuple[str, int, int, int]


class Known(NamedTuple):
    """What earlier entries say of an identity."""

    state: State
    content: str  #: 16 hex digits, digest of what was sent


def known_of(entry: bytes) -> Known:
    """Return what a state entry says."""
    return _new_known(Known, (STATES[entry[CODE_AT]], entry[CONTENT_AT:NAME_AT].hex()))


def mark_of_state(entry: bytes) -> Mark:
    """Return the mark that a state entry holds, when it was met in the run that the entry names."""
    _key, _code, content, _name, source, _run, line = STATE_ENTRY.unpack(entry)
    return content.hex(), source, line, 1


def mark_in(entry: bytes, run: bytes) -> Mark | None:
    """Return the mark that a state entry holds of the pass `run`, written as in an entry; None when it holds none."""
    return mark_of_state(entry) if entry[RUN_AT:RUN_END] == run else None


def are_created(entries: Sequence[bytes], contents: Iterable[str], run: bytes) -> bool:
    """Return whether state entries are of created campaigns with these contents, and none was met in pass `run`."""
    wanted = [_CREATED + content for content in map(bytes.fromhex, contents)]
    same = [entry[CODE_AT:NAME_AT] for entry in entries] == wanted
    return same and run not in {entry[RUN_AT:RUN_END] for entry in entries}


def mark_of(entry: bytes) -> Mark:
    """Return what a mark entry says."""
    _key, content, source, line, times = MARK_ENTRY.unpack(entry)
    return content.hex(), source, line, times


def mark_entries(marks: Iterable[tuple[str, Mark]]) -> list[bytes]:
    """Return the entries of identities (hex) and their marks, in no order."""
    pack, read = MARK_ENTRY.pack, bytes.fromhex
    return [pack(read(key), read(content), *rest) for key, (content, *rest) in marks]


def name_digest(name: str) -> bytes:
    """Return 8 bytes which are equal for names that count as the same."""
    return name_digests([name])[0]


def name_digests(names: Sequence[str]) -> list[bytes]:
    """Return the digests of names, in their order."""
    keys = [text.casefold().encode("utf-8", "surrogatepass") for text in canonical.texts(names)]  # `name_key` of each
    return [blake2b(key, digest_size=NAME_BYTES).digest() for key in keys]
