"""The simulator on the wire: from aiohttp's requests to the desk, and from replies to bytes, cuts and resets."""

import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from email.utils import formatdate
from itertools import islice
from typing import Any, Final

import anyio
import orjson
from aiohttp import web

from importer.errors import LedgerError
from importer.simulator.clock import Clock
from importer.simulator.desk import Asked
from importer.simulator.portals import Portal, Portals
from importer.simulator.replies import JSON, Reply, Sending

_PIECES: Final = 20  # of a slow reply
_LINES_A_WRITE: Final = 1000
_LINGER_NOT: Final = struct.pack("ii", 1, 0)  # close with a reset


class Wire:
    """Serves the desks over HTTP. `closing` is set when the simulator stops, so that held connections let go."""

    def __init__(self, portals: Portals, clock: Clock, closing: anyio.Event) -> None:
        self._portals, self._clock, self._closing = portals, clock, closing
        self._policy = portals.first.account.policy
        self._strays = 0
        self._date = (0, "")

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=self._policy.body_bytes_max)
        app.router.add_get("/__simulator__/accounts", self._accounts)
        app.router.add_get("/__simulator__/truth", self._truth)
        app.router.add_get("/__simulator__/requests", self._requests)
        app.router.add_get("/__simulator__/stats", self._stats)
        app.router.add_route("*", "/__simulator__/elsewhere", self._elsewhere)
        app.router.add_post("/oauth/{version:v1|2026-03}/token", self._token)
        app.router.add_route("*", "/{path:.*}", self._api)
        return app

    def stats(self) -> dict[str, Any]:
        """Return counts of everything, ready for JSON."""
        return {**self._portals.stats(), "strays": self._strays}

    async def _api(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except LedgerError:  # its disk is full: it fails as a server does, and what was kept shows when it is asked
            return web.Response(status=500)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        portal = self._portals.of_token(authorization.partition(" ")[2].strip())
        seen = portal.log.arrive(self._clock.now(), request.method, request.path, request.query_string)
        body: bytes | None
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            body = None
        except (web.RequestPayloadError, ConnectionError):  # the client left: the request never arrived
            portal.log.end(seen._replace(status=0, ended=self._clock.now()))
            return web.Response(status=400)
        asked = Asked(
            method=request.method,
            path=request.path,
            query={name: request.query.getall(name) for name in request.query},
            authorization=authorization,
            body=body,
        )
        return await self._send(request, await portal.desk.answer(seen, asked))

    async def _send(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        headers = [("Content-Type", reply.content_type), ("Date", self._date_now()), *reply.headers]
        if reply.sending is Sending.WHOLE:
            return web.Response(status=reply.status, body=reply.body, headers=headers)
        if reply.sending is Sending.HELD:
            with anyio.move_on_after(reply.seconds):
                await self._closing.wait()
        if reply.sending in {Sending.HELD, Sending.RESET}:
            _reset(request)
            return web.Response(status=500)  # goes nowhere: the connection is gone
        response = web.StreamResponse(status=reply.status, headers=headers)
        response.content_length = len(reply.body)
        with suppress(ConnectionError):  # the client has seen enough
            await self._send_in_parts(request, response, reply)
        return response

    async def _send_in_parts(self, request: web.Request, response: web.StreamResponse, reply: Reply) -> None:
        await response.prepare(request)
        if reply.sending is Sending.CUT:
            await response.write(reply.body[: len(reply.body) // 2])
        elif reply.sending is Sending.CLOSE:
            await response.write_eof(reply.body)
        else:
            size = max(1, len(reply.body) // _PIECES)
            for start in range(0, len(reply.body), size):
                await self._clock.sleep(reply.seconds / _PIECES)
                await response.write(reply.body[start : start + size])
            return
        if request.transport is not None:
            request.transport.close()

    def _date_now(self) -> str:
        policy = self._policy
        second = int(self._clock.now() + policy.clock_skew_s + policy.date_skew_s)
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]

    async def _token(self, request: web.Request) -> web.Response:
        status, body = self._portals.first.desk.tokens.give(await request.post())
        return web.Response(status=status, body=orjson.dumps(body), headers={"Content-Type": JSON})

    def _asked_for(self, request: web.Request) -> Portal:
        """Return the account that `?account=` names by token or portal id; without it the first."""
        name = request.query.get("account")
        portal = self._portals.first if name is None else self._portals.named(name)
        if portal is None:
            raise web.HTTPNotFound(text="no such account has been used\n")
        return portal

    async def _accounts(self, request: web.Request) -> web.StreamResponse:
        used = ({"account": portal.id, "token": portal.token, **portal.stats()} for portal in self._portals)
        return await _lines(request, used)

    async def _truth(self, request: web.Request) -> web.StreamResponse:
        store = self._asked_for(request).account.store
        return await _lines(request, (store[index]._asdict() for index in range(len(store))))

    async def _requests(self, request: web.Request) -> web.StreamResponse:
        return await _lines(request, (seen._asdict() for seen in self._asked_for(request).log))

    async def _stats(self, request: web.Request) -> web.Response:
        stats = self._asked_for(request).stats() if "account" in request.query else self.stats()
        return web.Response(body=orjson.dumps(stats), headers={"Content-Type": JSON})

    async def _elsewhere(self, _: web.Request) -> web.Response:
        self._strays += 1
        return web.Response(body=b"{}", headers={"Content-Type": JSON})


def _reset(request: web.Request) -> None:
    """Reset the connection, so that the client sees no orderly end."""
    transport = request.transport
    if transport is None:
        return
    wire = transport.get_extra_info("socket")
    if wire is not None:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()


async def _lines(request: web.Request, values: Iterable[dict[str, Any]]) -> web.StreamResponse:
    """Stream `values` as JSON lines, without a deadline and without holding up the API."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    rest: Iterator[dict[str, Any]] = iter(values)
    while block := list(islice(rest, _LINES_A_WRITE)):
        await response.write(b"".join(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE) for value in block))
    await response.write_eof()
    return response
