"""Small histories of a source, enumerated: who is made, who is made twice, who is blocked.

Sources live through two or three passes. Between the passes rows are edited, renamed, deleted, inserted, moved and
doubled; a pass may be killed after any number of records, with one more on its way that turns out to be made, not
made or untold. After every pass `identity_world.check` holds what docs/explanation/identity.md promises: no identity
is made twice, nothing that may be an edited row is made, no row is blocked where nothing of its name was edited or
removed, the books balance, a conflict names both lines, and a campaign is made again only where the rules say so.
Over 26,000 histories in all; with every change, a tenth of them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import permutations, product, starmap
from typing import Final

import pytest

from importer.model import State
from importer.records import RecordMaker
from tests.depth import DEEP, share
from tests.identity_world import KEYED, KEYLESS, SAME_NAME, TWINS, WIDER, WIDER_KEYED, Kill, Line, Pass, World, check

FATES: Final = (None, State.CREATED, State.OPEN, State.UNRESOLVED)  #: of the record that was on its way


def live(world: World, *passes: tuple[Sequence[Line], Kill | None]) -> list[Pass]:
    """Live through a history, checking each pass, and close the world."""
    done: list[Pass] = []
    with closing(world):
        for lines, kill in passes:
            before = [*world.made, *world.untold]
            done.append(world.run(lines, kill))
            check(world, before, lines, done[-1])
    return done


def with_kills(
    make: Callable[[], World], *sources: Sequence[Line], most: int, fates: Sequence[State | None] = FATES
) -> int:
    """Live through these sources with every way to kill the first `most` of the passes; return how many there were."""
    count = 0
    for told in _kills((), make, sources, most, fates):
        live(make(), *zip(sources, told, strict=True))
        count += 1
    return count


def _kills(
    told: tuple[Kill | None, ...],
    make: Callable[[], World],
    sources: Sequence[Sequence[Line]],
    most: int,
    fates: Sequence[State | None],
) -> Iterator[tuple[Kill | None, ...]]:
    """Yield every combination of kills which begins as told, none of them too late to happen."""
    if len(told) == most:
        yield told + (None,) * (len(sources) - most)
        return
    sent = len(live(make(), *zip(sources, (*told, None), strict=False))[-1].sent)
    for kill in (None, *starmap(Kill, product(range(sent), fates))):
        yield from _kills((*told, kill), make, sources, most, fates)


# What can happen


def starts(rows: int) -> Iterator[tuple[Line, ...]]:
    """Yield every source of so many rows over two names and two notes, up to renaming."""
    for told in product(product("NM", "ab"), repeat=rows):
        if told[0] == ("N", "a"):
            yield tuple(Line(n, *what) for n, what in enumerate(told))


def steps(lines: tuple[Line, ...], new: int) -> Iterator[tuple[Line, ...]]:
    """Yield every source that is one step away; `new` numbers an inserted campaign."""
    contents = list(product("NM", "abc"))
    for at, line in enumerate(lines):
        rest = lines[:at], lines[at + 1 :]
        yield rest[0] + rest[1]
        yield (*lines, line)
        for name, note in contents:
            if (name, note) != line[1:3]:
                yield (*rest[0], line._replace(name=name, note=note), *rest[1])
    for at in range(len(lines) + 1):
        for name, note in contents[:5]:
            yield (*lines[:at], Line(new, name, note), *lines[at:])
    yield from permutations(lines)


def pairs(rows: int, new: int) -> Iterator[tuple[tuple[Line, ...], tuple[Line, ...]]]:
    """Yield sources of so many rows with what is one step away: each 27th pair, all of them in depth."""
    return share(((start, after) for start in starts(rows) for after in steps(start, new)), one_of=27)


def enough(count: int, whole: int) -> bool:
    """Return whether there were as many histories as there are to be, of `whole` in depth."""
    return count >= (whole if DEEP else whole // 36)


def shared_out(lines: tuple[Line, ...]) -> Iterator[tuple[Line, ...]]:
    """Yield the rows shared out over two sources, in every way, read one after the other."""
    for where in product(("a.csv", "b.csv"), repeat=len(lines)):
        yield tuple(sorted((line._replace(source=name) for line, name in zip(lines, where, strict=True)),
                           key=lambda line: line.source))  # fmt: skip


@pytest.mark.parametrize(("maker", "whole"), [(KEYLESS, 5_600), (KEYED, 3_500)])
def test_two_passes_with_a_kill_in_each(maker: RecordMaker, whole: int) -> None:
    """Two rows, one step, both passes killed anywhere, the last repeated: over 9,000 histories keep the rules."""
    count = 0
    for start, after in pairs(2, 9):
        count += with_kills(partial(World, maker, chunk=1 + count % 3), start, after, after, most=2)
    assert enough(count, whole)


@pytest.mark.parametrize(("maker", "whole"), [(KEYLESS, 4_000), (KEYED, 3_000)])
def test_three_rows_and_a_kill(maker: RecordMaker, whole: int) -> None:
    """Three rows, a kill with a record on its way, one step: over 7,000 histories keep the rules."""
    count = 0
    for start, after in pairs(3, 9):
        world = partial(World, maker, chunk=1 + count % 4)
        count += with_kills(world, start, after, most=1, fates=(State.CREATED, State.OPEN))
    assert enough(count, whole)


def test_two_steps() -> None:
    """Two rows, two steps one after the other, three whole passes: over 4,800 histories keep the rules."""
    count = 0
    for start, after in pairs(2, 8):
        for last in steps(after, 9):
            live(World(chunk=1 + count % 3), (start, None), (after, None), (last, None))
            count += 1
    assert enough(count, 4_800)


def test_identical_rows_as_campaigns_of_their_own() -> None:
    """Under --duplicates create identical rows are made once each, whatever is killed: over 2,700 histories."""
    count = 0
    for start in starts(2):
        for more in (start, (*start, start[0]), (*start, start[0], start[0])):
            for after in (more, more[::-1], *share(steps(start, 9), one_of=9)):
                world = partial(World, policy=TWINS, chunk=1 + count % 3)
                count += with_kills(world, more, after, more, most=1, fates=(State.CREATED, State.OPEN))
    assert enough(count, 2_700)


def test_rows_shared_out_over_two_sources() -> None:
    """It does not matter which source a row stands in, nor whether it moves: over 2,000 histories make no row twice."""
    count = 0
    for maker, start in product((KEYLESS, KEYED), starts(3)):
        distinct = len(World(maker).identities(start))
        for one, two in share(product(shared_out(start), repeat=2), one_of=3):
            first, second = live(World(maker, chunk=2), (one, None), (two, None))
            assert len(first.sent) == distinct
            assert second.sent == []
            assert "name_exists" not in second.codes()
            count += 1
    assert enough(count, 2_000)


def test_a_source_after_the_other() -> None:
    """A source imported before a second one that holds it too: only what is new is made; nothing is blocked."""
    count = 0
    for start in starts(3):
        for cut in range(4):
            live_on = live(World(chunk=2), (start[:cut], None), (start, None), (start[cut:], None))
            assert "name_exists" not in live_on[1].codes()
            assert live_on[2].sent == []
            count += 1
    assert count == 64


def test_same_name_create_blocks_nothing() -> None:
    """Under --same-name create new rows are made, edited or not, but no identity twice: over 700 histories."""
    count = 0
    for start in starts(2):
        for after in share(steps(start, 9), one_of=3):
            done = with_kills(partial(World, policy=SAME_NAME), start, after, after, most=1)
            assert not live(World(policy=SAME_NAME), (start, None), (after, None))[1].codes()
            count += done
    assert enough(count, 700)


def test_a_changed_mapping() -> None:
    """A property added by the mapping: without a key every row is blocked, with one it is skipped as changed."""
    for (narrow, wide), start in product(((KEYLESS, WIDER), (KEYED, WIDER_KEYED)), starts(2)):
        world = World(narrow)
        with closing(world):
            first = world.run(start)
            world.maker = wide
            before = list(world.made)
            second = world.run(start)
            check(world, before, start, second)
            assert second.sent == []
            if wide is WIDER:
                assert second.codes()["name_exists"] == len(first.sent)
            else:
                assert second.changed == len(first.sent)
            world.maker = narrow
            third = world.run(start)
            assert third.sent == []
            assert third.skipped == first.skipped + len(first.sent)


def test_a_row_that_mends_a_failed_one_is_exempt() -> None:
    """An edited row is blocked; the same row carrying the `_identity` of the row it mends is made, once."""
    for start, note in product(starts(1), "bc"):
        world = World()
        with closing(world):
            world.run(start)
            edited = start[0]._replace(note=note)
            blocked = world.run([edited]).rejections
            assert [one.problems[0].code for one in blocked] == ["name_exists"]
            mended = edited._replace(mends=str(blocked[0].identity))
            assert [one.properties["hs_notes"] for one in world.run([mended]).sent] == [note]
            assert world.run([mended]).sent == []
            assert len(world.made) == 2


def test_the_twins_that_the_rules_name() -> None:
    """A renamed row without a key makes a second campaign, a renamed row with a key does not."""
    first = Line(0, "N", "a")
    twice = World()
    live(twice, ([first], None), ([first._replace(name="M")], None))
    assert [one.line.campaign for one in twice.made] == [0, 0]
    keyed = World(KEYED)
    done = live(keyed, ([first], None), ([first._replace(note="b")], None))
    assert len(keyed.made) == 1
    assert done[1].changed == 1


def test_an_absent_record_guards_no_name() -> None:
    """A record in doubt that turns out not to be made does not block the edited row, not even in the run that tells."""
    first = Line(0, "N", "a")
    world = World()
    _killed, second = live(world, ([first], Kill(0, State.OPEN)), ([first._replace(note="b")], None))
    assert [one.line.note for one in world.made] == ["b"]
    assert second.rejections == []
