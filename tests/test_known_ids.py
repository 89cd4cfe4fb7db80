"""Ids are looked for in a results file that somebody may be writing at that moment."""

from pathlib import Path

import pytest

from importer.lookup import known_ids


@pytest.mark.parametrize("torn", [b"", b'{"id": "c3", "crea', b"{", b'{"id":"c3","created_at":null}'])
@pytest.mark.parametrize("before", [b"", b'{"id":"c1","created_at":null}\n{"id":"c2","created_at":null}\n'])
def test_a_line_without_its_end_is_left_out(tmp_path: Path, before: bytes, torn: bytes) -> None:
    """Half a row is no row yet; all before it are read."""
    path = tmp_path / "results.jsonl"
    path.write_bytes(before + torn)
    found = known_ids(path, frozenset({"c1", "c2", "c3"}), 0.0)
    assert found == (frozenset({"c1", "c2"}) if before else frozenset())


def test_rows_across_blocks_are_whole(tmp_path: Path) -> None:
    """A file of several blocks gives every row once, whatever its end."""
    path = tmp_path / "results.jsonl"
    rows = b"".join(b'{"id":"c%d","created_at":null,"pad":"%s"}\n' % (n, b"x" * 997) for n in range(3_000))
    path.write_bytes(rows + b'{"id":"c9999"')
    wanted = frozenset(f"c{n}" for n in range(0, 3_000, 7))
    assert known_ids(path, wanted | {"c9999"}, 0.0) == wanted
