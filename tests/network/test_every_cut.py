"""The connection cut at every byte: NOT_SENT only where no byte was written, and in whole runs nothing made twice."""

from pathlib import Path

import pytest

from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.exchange import NoReply
from importer.hubspot.steps import Outcome
from importer.hubspot.transport import HubSpotTransport
from importer.hubspot.verdicts import judge_create
from tests.bodies import encode_batch
from tests.depth import DEEP
from tests.network.every_cut import STREAMS, Cut, Score, cut_everywhere, expected, lengths, strike
from tests.network.staging import proxied
from tests.network.tcp_proxy import End, Harm
from tests.pipeline.conftest import World, made

END_BYTES = 9  #: of a stream, which are all tried
BODY = encode_batch([{"hs_name": "Campaign 0"}])


@pytest.mark.slow
@pytest.mark.parametrize("end", [End.RESET, End.CLOSE])
@pytest.mark.parametrize("stream", STREAMS)
async def test_cut_at_every_byte(world: World, stream: str, end: End) -> None:
    """Each cut of a request or a reply leaves the attempt in doubt; only what came whole is an answer.

    With every change each third byte and all of the last, in depth every byte.
    """
    at, number = 0, 0
    harms: dict[int, Harm] = {}
    async with world.simulator("seed=1") as simulator, proxied(simulator, harms=harms) as proxy:
        transport = HubSpotTransport(lambda: "token", TransportPolicy(base_url=proxy.url))
        while True:
            number += 1
            harms[number] = Cut(stream, at, end).harm()
            before = proxy.received
            exchange = await transport.create(BODY)
            outcome = judge_create(exchange).outcome
            assert proxy.received > before
            assert not isinstance(exchange, NoReply) or exchange.on_wire, at
            length = len(proxy.requests[0]) if stream == "request" else len(proxy.replies[0])
            assert str(outcome) in expected(Cut(stream, at, end), length), at
            if at >= length:
                break
            at += 1 if DEEP or at >= length - END_BYTES else 3
        await transport.aclose()
    assert 200 < length == at
    assert sum(made(simulator).values()) == (1 if stream == "request" else number)
    assert outcome is not Outcome.NOT_SENT


@pytest.mark.slow
async def test_whole_runs_are_cut_here_and_there(tmp_path: Path) -> None:
    """At every 97th byte of all three streams, a run looks up what became of it and makes each campaign once."""
    score = await cut_everywhere(97, tmp_path)
    assert score.violations == []
    assert {stream for stream, _ in score.attempts} == set(STREAMS)
    assert score.attempts["request", "unknown"] > 8


async def test_a_wrong_class_is_seen(tmp_path: Path) -> None:
    """A run whose reply came whole, where it was to be cut, is a violation."""
    score = Score()
    length = (await lengths(tmp_path))["reply"]
    place = tmp_path / "run"
    place.mkdir()
    await strike(place, Cut("reply", length, End.CLOSE), length + 1, score)
    assert [words.partition(": ")[2] for words in score.violations] == ["the attempt is called answered"]
