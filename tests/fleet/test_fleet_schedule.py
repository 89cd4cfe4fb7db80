"""One import per account at a time, every import to its end, in the order of the file."""

from hypothesis import given
from hypothesis import strategies as st

from importer.fleet.model import Ended, Import
from importer.fleet.schedule import Schedule
from importer.fleet.standing import State, over


def imports(accounts: list[int]) -> list[Import]:
    """Return an import for each number, of the account with that number."""
    return [
        Import(name=f"i{n}", account=f"a{account}", sources=(f"/{n}.csv",), ledger=f"/{n}.ledger")
        for n, account in enumerate(accounts)
    ]


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=25),
    st.integers(1, 6),
    st.lists(st.sampled_from([0, 0, 0, 1, 2, 4, 6, 7, 10, 70, None]), max_size=80),
    st.randoms(use_true_random=False),
)
def test_any_history_keeps_the_rule_and_ends(accounts, slots, ends, random) -> None:  # type: ignore[no-untyped-def] # strategies give the types
    """With any ends in any order: never two of one account at once, and at last every import is over."""
    now, told = 0.0, iter(ends)
    schedule = Schedule(imports(accounts), retries=2, wait_max_s=60)
    running: list[str] = []
    while not schedule.over:
        while len(running) < slots and (name := schedule.begin(now)) is not None:
            running.append(name)
        busy = [schedule.imports[name].account for name in running]
        assert len(busy) == len(set(busy)) == schedule.running
        if not running:
            due = schedule.due()
            assert due is not None, "nothing runs, nothing waits, and yet it is not over"
            now = max(now, due)
            continue
        name = running.pop(random.randrange(len(running)))
        schedule.end(name, Ended(status=next(told, 0)), now)
    assert all(over(standing) for standing in schedule.standings.values())


def test_a_refused_account_holds_back_its_other_imports_and_nobody_elses() -> None:
    """Status 4 ends the import, blocks what the account has left, and lets others go on."""
    schedule = Schedule(imports([0, 1, 0, 0]), retries=1, wait_max_s=60)
    assert [schedule.begin(0), schedule.begin(0), schedule.begin(0)] == ["i0", "i1", None]
    changed = schedule.end("i0", Ended(status=4), 1)
    assert {name: one.state for name, one in changed.items()} == {
        "i0": State.FAILED, "i2": State.BLOCKED, "i3": State.BLOCKED,
    }  # fmt: skip
    schedule.end("i1", Ended(status=0), 2)
    assert schedule.over


def test_a_held_account_waits_and_the_slot_is_for_others() -> None:
    """While the first account is held, the next one goes on; after the wait the held import comes first."""
    schedule = Schedule(imports([0, 0, 1]), retries=1, wait_max_s=60)
    assert schedule.begin(0) == "i0"
    schedule.end("i0", Ended(status=10), 0)
    assert schedule.begin(0) == "i2"
    schedule.end("i2", Ended(status=0), 1)
    assert (schedule.begin(1), schedule.due()) == (None, 2)
    assert schedule.begin(2) == "i0"
