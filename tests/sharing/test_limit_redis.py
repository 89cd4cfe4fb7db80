"""The limit in a real Redis: turns exclude one another, a kill or a restart is borne, credentials stay unseen."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer.errors import ImporterError, PausedError, UsageError
from importer.pacing import RatePolicy
from importer.sharing import limit_redis
from importer.sharing.book import packed, unpacked
from importer.sharing.limit import limit_shared
from importer.sharing.limit_redis import LimitRedis
from importer.sharing.pacer import SharedPacer
from importer.sharing.redis_address import parse_address
from importer.sharing.turns import StoreError, Turns
from importer.sharing.window import Granted, Wish
from tests.sharing.redis_ground import PASSWORD, PROGRAM, SKIP, FakeRedis, RedisServer, served

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=SKIP)

SHORT = RatePolicy(requests=4, window_s=0.3)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Serve a Redis of the test's own."""
    with served(tmp_path) as server:
        yield server


def turns(url: str, policy: RatePolicy = SHORT) -> Turns:
    """Return the turns of one process at an address."""
    return Turns(LimitRedis(parse_address(url, "the test")), policy, host=None)


def client(server: RedisServer) -> Any:
    """Return a client of a test that looks behind the scenes."""
    return limit_redis._connected(server.address())


def begun(one: Turns, name: str) -> Granted:
    """Take turns until the first pause is over."""
    granted = one.take(Wish(me=name, book=None, held=0, wanted=0))
    while "begins anew" in granted.reason:
        time.sleep(0.02)  # the pause is kept by Redis' own clock
        granted = one.take(Wish(me=name, book=granted.book, held=0, wanted=0))
    return granted


def test_two_processes_share_the_slots_of_one_window(redis: RedisServer) -> None:
    """The first use of the key waits for a window; what one takes then the other does not get."""
    long = RatePolicy(requests=10, window_s=2.0)
    one, two = turns(redis.url(), long), turns(redis.url(), long)
    first = one.take(Wish(me="one", book=None, held=0, wanted=7))
    assert (first.slots, first.lost) == (0, True)
    granted = begun(one, "one")
    held, until = {"one": 0, "two": 0}, granted.since + 4.5
    while granted.since < until:  # nothing is answered, so what is held stays held
        for name, mine in (("one", one), ("two", two)):
            granted = mine.take(Wish(me=name, book=granted.book, held=held[name], wanted=7))
            held[name] = granted.held
    assert sum(held.values()) == 10
    assert min(held.values()) >= 1


_MANY = """
import sys
from tests.sharing.test_limit_redis import turns
from importer.sharing.window import Wish
mine = turns(sys.stdin.readline().strip())
book, held = None, 0
for _ in range(60):
    granted = mine.take(Wish(me=sys.argv[1], book=book, held=held, returned=held, wanted=1))
    book, held = granted.book, granted.held
print(held)
"""


@pytest.mark.slow
def test_turns_of_real_processes_exclude_one_another(redis: RedisServer) -> None:
    """Three processes take 60 turns each at once, a fourth is killed on the way: no turn is lost, the state adds up."""

    def started(name: str, count: str = "60") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _MANY.replace("60", count), name]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None
        process.stdin.write(f"{redis.url()}\n")
        process.stdin.flush()
        return process

    doomed, crew = started("doomed", "1000000"), [started(name) for name in "abc"]
    held = [int(process.communicate()[0]) for process in crew]
    doomed.kill()
    doomed.communicate()
    state = unpacked(client(redis).get("importer:limit:{acme}").partition(b" ")[2])
    assert sorted(name for name in state["members"] if name != "doomed") == ["a", "b", "c"]
    assert [state["members"][name]["held"] for name in "abc"] == held
    all_held = sum(member["held"] for member in state["members"].values())
    assert state["window"]["own"]["_taken"] - state["window"]["arrivals"]["answered"] == all_held
    assert turns(redis.url()).take(Wish(me="next", book=None, held=0)).book == state["book"]


def test_a_turn_that_was_begun_by_one_who_died_is_lost_after_a_while(redis: RedisServer) -> None:
    """The next one waits for it, and what the dead one would write is not taken."""
    keys = ("importer:limit:{acme}", "importer:limit:{acme}:turn")
    assert client(redis).eval(limit_redis.BEGIN, 2, *keys, "dead", limit_redis.TURN_MS) is not None
    assert client(redis).eval(limit_redis.BEGIN, 2, *keys, "other", limit_redis.TURN_MS) is None
    granted = turns(redis.url()).take(Wish(me="next", book=None, held=0))
    assert client(redis).eval(limit_redis.END, 2, *keys, "dead", b"nonsense") == 0
    assert granted.book in str(client(redis).get(keys[0]))


def test_a_restart_with_an_older_copy_begins_anew_with_a_pause(redis: RedisServer, tmp_path: Path) -> None:
    """What Redis saved some turns ago is not gone on from, by who knew the newer one nor by a newcomer."""
    one, two = turns(redis.url()), turns(redis.url())
    before = begun(one, "one")
    client(redis).save()
    one.take(Wish(me="one", book=before.book, held=0, wanted=4))
    redis.kill()
    with pytest.raises(StoreError, match=r"refused|closed|reset"):
        one.take(Wish(me="one", book=before.book, held=4))
    assert (tmp_path / "dump.rdb").exists()
    redis.start()
    assert before.book in str(client(redis).get("importer:limit:{acme}"))
    new = two.take(Wish(me="two", book=None, held=0, wanted=4))
    assert (new.book != before.book, new.lost, new.slots) == (True, True, 0)
    assert one.take(Wish(me="one", book=before.book, held=4, wanted=1)).slots == 0


def test_what_redis_refuses_is_told_without_the_password(redis: RedisServer) -> None:
    """Wrong credentials or rights end the run as a usage error; no memory left is borne, as an outage is."""
    wrong = redis.url().replace("canary", "another")
    with pytest.raises(UsageError, match="lets nobody in") as caught:
        turns(wrong).take(Wish(me="one", book=None, held=0))
    assert PASSWORD not in f"{caught.value}{caught.value.hint}"
    behind = client(redis)
    behind.execute_command("ACL", "SETUSER", "poor", "on", ">secret", "~*", "+eval", "+get")
    with pytest.raises(UsageError, match="lets nobody in"):
        turns(f"redis://poor:secret@127.0.0.1:{redis.port}/0/acme").take(Wish(me="one", book=None, held=0))
    behind.config_set("maxmemory", 1)
    with pytest.raises(StoreError, match="maxmemory"):
        turns(redis.url()).take(Wish(me="one", book=None, held=0))
    behind.config_set("maxmemory", 0)
    behind.set("importer:limit:{acme}", behind.info("server")["run_id"].encode() + b" " + packed({"schema": 99}))
    with pytest.raises(UsageError, match="this version"):
        turns(redis.url()).take(Wish(me="one", book=None, held=0))


def test_the_fake_answers_as_the_real_one(redis: RedisServer) -> None:
    """Script by script, of the fake that the laws are tried on and of Redis: taken, refused, written, too late."""
    fake, real = FakeRedis(now=lambda: 5.25), client(redis)
    keys = ("state", "turn")
    answers = []
    for one in (fake, real):
        first = one.eval(limit_redis.BEGIN, 2, *keys, "a", 60_000)
        told: list[Any] = [first[0], [type(part) for part in first[1]], type(first[2])]
        told.append(one.eval(limit_redis.BEGIN, 2, *keys, "b", 60_000))
        told.append(one.eval(limit_redis.END, 2, *keys, "b", b"no"))
        told.append(one.eval(limit_redis.END, 2, *keys, "a", b"yes"))
        told.append(one.eval(limit_redis.END, 2, *keys, "a", b"no"))
        told.append(one.eval(limit_redis.BEGIN, 2, *keys, "c", 60_000)[0])
        answers.append(told)
    assert answers[0] == answers[1] == [None, [bytes, bytes], bytes, None, 0, 1, 0, b"yes"]


async def test_redis_dies_and_comes_back_under_a_pacer(redis: RedisServer) -> None:
    """While it is away nobody gets a slot, and is told why; back, all goes on; away for too long the run stops."""
    heard: list[ImporterError] = []
    address = redis.address()
    async with (
        SharedPacer(LimitRedis(address), SHORT, outage_max_s=60.0) as patient,
        SharedPacer(LimitRedis(address), SHORT, outage_max_s=0.0) as hasty,
    ):
        patient.failed = hasty.failed = heard.append
        (await patient.take()).close()
        await anyio.to_thread.run_sync(redis.kill)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(patient.take)
            with pytest.raises(PausedError, match="could not be asked for 0 s: ") as caught:
                await hasty.take()
            assert "cannot be asked: " in (patient.idle_reason or "")
            await anyio.to_thread.run_sync(redis.start)
    assert [type(error) for error in heard] == [PausedError]
    assert PASSWORD not in f"{caught.value}{caught.value.hint}"


async def test_redis_that_is_away_at_the_start_pauses_the_run(redis: RedisServer) -> None:
    """Nothing is sent, and the same command goes on later: status 7, not 2."""
    await anyio.to_thread.run_sync(redis.kill)
    with pytest.raises(PausedError, match=rf"redis://127.0.0.1:{redis.port}/0/acme cannot be asked: .*refused"):
        async with limit_shared(redis.address(), SHORT, outage_max_s=60.0):
            pass
    await anyio.to_thread.run_sync(redis.start)
    async with limit_shared(redis.address(), SHORT, outage_max_s=60.0) as pacer:
        assert pacer is not None


def test_a_server_that_does_not_say_which_it_is_is_refused() -> None:
    """Else nobody could tell a state that was forgotten from one that goes on."""

    class Nameless(FakeRedis):
        def _begin(self, name: str, length_ms: int) -> Any:
            return super()._begin(name, length_ms)[:2]

    with pytest.raises(UsageError, match="does not say which server it is"):
        LimitRedis(parse_address("redis://h/0/a", "limit"), connect=lambda: Nameless(now=time.time)).turn(
            lambda *_: b""
        )
