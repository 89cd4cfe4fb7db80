"""An index whose power fails at any call to the disk: what its manifest vouches for is there, whole."""

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from importer.errors import LedgerError
from importer.ledger.effects import Change
from importer.ledger.identities import states as states_module
from importer.ledger.identities import tiers as tiers_module
from importer.ledger.index import Index
from importer.model import State
from tests.disks.disks import LOSSES, PowerDisk
from tests.ledger.conftest import content, identity

STATES = [State.CREATED, State.IN_DOUBT, State.FAILED, State.OPEN]
Model = dict[str, tuple[State, str]]


def history(dice: Random) -> list[Model]:
    """Return what the index is to hold after each of seven chunks, in which some states change again."""
    told: list[Model] = [{}]
    for _chunk in range(7):
        numbers = dice.sample(range(12), 4)
        told.append(told[-1] | {identity(n): (dice.choice(STATES), content(dice.randrange(3))) for n in numbers})
    return told


def live(folder: Path, disk: PowerDisk, told: list[Model]) -> int:
    """Write chunk after chunk, opening the index anew in the middle; return the last that was written for sure."""
    done = 0
    with suppress(LedgerError, OSError):
        index = Index(folder, before_commit=lambda: None, disk=disk)
        try:
            for number in range(1, len(told)):
                changes = [Change(key, *said, f"n {key}") for key, said in told[number].items()]
                index.note([one for one in changes if told[number - 1].get(one.identity) != one[1:3]], dict)
                index.seal({"n": number})
                index.flush()
                done = number
                index.flush()  # merges
                if number == len(told) // 2:
                    index.save()
                    index.close()
                    index = Index(folder, before_commit=lambda: None, disk=disk)
            index.save()
        finally:
            index.close()
    return done


def held(index: Index) -> Model:
    """Return what the index says, read in order and looked up."""
    read = {key: (state, said) for key, state, said in index.states()}
    found = {key: (known.state, known.content) for key, (known, _mark) in index.known(read).items() if known}
    assert found == read
    for state in STATES:
        assert index.count(state) == sum(one[0] is state for one in read.values())
    return read


@pytest.mark.parametrize("kind", LOSSES)
def test_the_power_fails_at_any_call(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power loss at any call, between runs, merges and saved filters, the index is whole up to its position."""
    monkeypatch.setattr(tiers_module, "FAN_IN", 2)
    monkeypatch.setattr(tiers_module, "_FILTER_BITS", 2)
    monkeypatch.setattr(tiers_module, "_LARGE_FILTER_BITS", 4)
    monkeypatch.setattr(tiers_module, "_REPEATED_BITS", 4)
    monkeypatch.setattr(states_module, "UNSAVED_MAX", 9)
    monkeypatch.setattr(states_module, "UNSAVED_AT_CLOSE_MAX", 0)
    for at in range(1, 1_000):
        dice = Random(f"{kind}/{at}")
        folder, disk, told = tmp_path / str(at), PowerDisk(at), history(Random(at % 5))
        done = live(folder, disk, told)
        if not disk.lost:
            assert at > 60
            break
        disk.lose(LOSSES[kind], dice)
        index = Index(folder, before_commit=lambda: None)
        number = index.position["n"] if index.position else 0
        assert done <= number <= done + 1
        assert held(index) == told[number]
        index.close()
        named = {path.name for path in folder.iterdir()}
        index = Index(folder, before_commit=lambda: None)
        assert held(index) == told[number]
        assert {path.name for path in folder.iterdir()} == named
        index.close()


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """Files that no manifest names are removed by the next opening."""
    Index(tmp_path / "i", before_commit=lambda: None).close()
    (tmp_path / "i" / "00000009.run").write_bytes(b"half a run")
    Index(tmp_path / "i", before_commit=lambda: None).close()
    assert {path.name for path in (tmp_path / "i").iterdir()} == {"manifest.0", "manifest.1"}


def test_a_damaged_filter_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved filter that is not what was written is made again from the runs, and nothing is forgotten."""
    monkeypatch.setattr(states_module, "UNSAVED_AT_CLOSE_MAX", 0)
    told = history(Random(1))
    live(tmp_path / "i", PowerDisk(100_000), told)
    (saved,) = (tmp_path / "i").glob("*.filter")
    saved.write_bytes(bytes(saved.stat().st_size))
    index = Index(tmp_path / "i", before_commit=lambda: None)
    assert held(index) == told[-1]
    index.close()
