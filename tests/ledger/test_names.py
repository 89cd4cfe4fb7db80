"""Who bears a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.ledger.identities import names as names_module
from importer.ledger.identities import runs as runs_module
from importer.ledger.identities.layout import CODES, GUARDING, STATE_ENTRY, name_digest
from importer.ledger.identities.names import Names
from importer.ledger.identities.runs import RunWriter
from importer.ledger.identities.storage import Scratch
from importer.model import State

RECORDS = st.dictionaries(
    st.binary(min_size=16, max_size=16), st.tuples(st.sampled_from("abcd"), st.sampled_from(list(CODES))), max_size=60
)


@given(runs=st.lists(RECORDS, max_size=3), at_once=st.integers(1, 50))
def test_those_that_guard_a_name_are_found(runs: list[dict[bytes, tuple[str, State]]], at_once: int) -> None:
    """However many are sorted at once, a name leads to all records that bear and guard it, and to no others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names_module, "_SORTED_AT_ONCE", at_once)
        patch.setattr(names_module, "_PART_ENTRIES", 16)
        patch.setattr(runs_module, "_BUCKET_ENTRIES_MAX", 4)
        written = []
        for told in runs:
            entries = sorted(
                STATE_ENTRY.pack(key, CODES[state], bytes(8), name_digest(name), 0, 0, 0)
                for key, (name, state) in told.items()
            )
            writer = RunWriter(Scratch(), STATE_ENTRY.size, len(entries))
            writer.add(entries)
            written.append(writer.finish())
        names = Names(written, Scratch())
        for name in "abcde":
            wanted = [key for told in runs for key, (one, state) in told.items() if one == name and state in GUARDING]
            assert sorted(names.bearers(name_digest(name.upper()))) == sorted(wanted)
        names.close()
        for run in written:
            run.file.close()
