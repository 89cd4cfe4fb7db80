"""The stub answers as HubSpot would, and the rows are the same each time."""

import gzip
import json
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import campaigns
from benchmarks.processes import stub
from benchmarks.stub import created
from importer.hubspot.wire import parse_batch
from tests.bodies import encode_batch

TEXT = st.text(st.characters(codec="utf-8"))
BATCH = st.lists(st.dictionaries(TEXT, TEXT, max_size=4), min_size=1, max_size=6)


def spellings(batch: list[dict[str, str]]) -> list[bytes]:
    """Return the body of a batch as different clients spell it."""
    inputs = [{"properties": one} for one in batch]
    tied: list[dict[str, Any]] = [{"associations": [], "properties": one} for one in batch]
    spelt = [json.dumps({"inputs": some}, indent=indent).encode() for some in (inputs, tied) for indent in (None, 2)]
    return [encode_batch(batch), orjson.dumps({"inputs": tied}), *spelt]


@given(BATCH)
def test_everything_sent_comes_back(batch: list[dict[str, str]]) -> None:
    """However a client spells a batch, each input is answered once, with its own properties and a new id."""
    ids = count(1)
    for body in spellings(batch):
        made, number = created(body, ids)
        results = parse_batch(made).results
        assert number == len(results) == len({one.id for one in results}) == len(batch)
        assert [one.properties for one in results] == batch[::-1]


def test_texts_that_look_like_inputs_are_left_alone() -> None:
    """What the stub cuts at may stand in a text."""
    batch = [{"hs_name": '{"properties":'}, {"hs_name": '","properties": {'}]
    for body in spellings(batch):
        assert [one.properties for one in parse_batch(created(body, count(1))[0]).results] == batch[::-1]


def test_the_stub_counts_what_it_was_asked() -> None:
    """A stub that nobody asks counts nothing, and ends when its standard input does."""
    with stub() as served:
        assert served.base_url.startswith("http://127.0.0.1:")
    assert served.counts["requests"] == served.counts["creates"] == 0
    assert served.counts["first_at"] is None


def test_rows_are_the_same_for_a_seed_in_every_format(tmp_path: Path) -> None:
    """CSV, JSONL and their packed forms hold the same campaigns, and another seed other ones."""
    rows = [{name: value for name, value in row.items() if value} for row in campaigns.campaigns(300, seed=7)]
    for name in ("a.csv", "a.jsonl"):
        campaigns.write(tmp_path / name, 300, seed=7)
        campaigns.write(tmp_path / f"{name}.gz", 300, seed=7)
        assert list(campaigns.read(tmp_path / name)) == rows
        assert gzip.decompress((tmp_path / f"{name}.gz").read_bytes()) == (tmp_path / name).read_bytes()
    assert list(campaigns.campaigns(300, seed=8)) != list(campaigns.campaigns(300, seed=7))
    assert len({row["hs_name"] for row in rows}) == 300
    with pytest.raises(ValueError, match="ends in"):
        campaigns.write(tmp_path / "a.xml", 1)
