"""What the environment says about proxies and passwords has no effect."""

from pathlib import Path

import pytest

from tests.network.certificates import good, trust
from tests.network.staging import COUNT, TOKEN, elsewhere, proxied, run_once
from tests.pipeline.conftest import World


@pytest.mark.posix("files have no modes there")
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_proxies_and_netrc_are_ignored(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    """A run goes straight to its base URL with its own token, whatever proxies and passwords the environment names."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\ndefault login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    greet = (lambda _: good()) if secure else None
    async with elsewhere() as other, world.simulator() as simulator, proxied(simulator, handshake=greet) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{other.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{other.port}")
        seen = await run_once(world, proxy.url, trust() if secure else None)
    assert (seen.records, seen.status) == (f"{COUNT} created", 0)
    assert other.heard == b""
    assert {request.lower().count(b"\r\nauthorization: ") for request in proxy.requests} == {1}
    assert all(f"\r\nAuthorization: Bearer {TOKEN}\r\n".encode() in request for request in proxy.requests)
