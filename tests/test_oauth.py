"""OAuth: a token for the refresh token, what HubSpot may say instead, and nothing of it in a message."""

from collections.abc import Mapping
from urllib.parse import parse_qs

import orjson
import pytest
from pydantic import SecretStr

from importer.errors import AccessError, PausedError
from importer.oauth import Credentials, OAuthTokens
from importer.posting import Answer, PostError

CREDENTIALS = Credentials(
    client_id="app-1", client_secret=SecretStr("canary-client-secret"), refresh_token=SecretStr("canary-refresh")
)


class Server:
    """A token endpoint that gives the answers it was made with, one after the other, and keeps what was asked."""

    def __init__(self, *answers: Answer | str) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.slept: list[float] = []

    def post(self, url: str, body: bytes, _headers: Mapping[str, str]) -> Answer:
        """Answer, or fail with a text."""
        self.asked.append((url, parse_qs(body.decode())))
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise PostError(answer)
        return answer

    def tokens(self, api_version: str = "v3") -> OAuthTokens:
        """Return who asks this server."""
        base = "https://api.hubapi.com"
        return OAuthTokens(
            credentials=CREDENTIALS, base_url=base, api_version=api_version, post=self.post, sleep=self.slept.append
        )


def given(token: str, **more: object) -> Answer:
    """Return a good answer."""
    return Answer(200, orjson.dumps({"access_token": token, "expires_in": 1800, **more}))


@pytest.mark.parametrize(("version", "path"), [("v3", "v1"), ("2026-03", "2026-03"), ("2026-09", "2026-03")])
def test_a_token_is_given_for_the_refresh_token(version: str, path: str) -> None:
    """The form says all that HubSpot asks for, at the address of the version; the token's life is known."""
    server = Server(given("access-1"))
    tokens = server.tokens(version)
    assert tokens() == "access-1"
    assert tokens.lives_s == 1800
    url, form = server.asked[0]
    assert url == f"https://api.hubapi.com/oauth/{path}/token"
    assert form == {
        "grant_type": ["refresh_token"], "client_id": ["app-1"],
        "client_secret": ["canary-client-secret"], "refresh_token": ["canary-refresh"],
    }  # fmt: skip


def test_another_refresh_token_is_used_from_then_on() -> None:
    """Where HubSpot gives a new refresh token with the access token, the next asking uses it, and it is hidden too."""
    server = Server(given("access-1", refresh_token="rotated-refresh"), given("access-2"))
    tokens = server.tokens()
    tokens()
    tokens()
    assert server.asked[1][1]["refresh_token"] == ["rotated-refresh"]
    assert "rotated-refresh" in set(tokens.secrets())


def test_a_server_that_is_away_is_asked_three_times() -> None:
    """No answer and 503 are asked again after a wait; then it is a pause, for the same command goes on later."""
    server = Server("no connection", Answer(503, b""), given("access-1"))
    assert server.tokens()() == "access-1"
    assert server.slept == [0.0, 1.0, 4.0]
    with pytest.raises(PausedError, match="HubSpot answers 429"):
        Server(*[Answer(429, b"")] * 3).tokens()()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(400, b'{"status":"BAD_REFRESH_TOKEN","message":"canary-refresh is bad"}'), "400, BAD_REFRESH_TOKEN"),
        (Answer(401, b"<html>canary-refresh</html>"), "401"),
        (Answer(400, b'{"status":"canary-refresh with words"}'), "400"),
        (Answer(200, b'{"access_token":""}'), "no token"),
        (Answer(200, b'{"access_token":"canary-access","expires_in":"soon"}'), "no token"),
        (Answer(302, b""), "302"),
    ],
)
def test_a_refusal_is_told_without_secrets(answer: Answer, says: str) -> None:
    """Status and HubSpot's own short word, never its message: that may quote what was sent."""
    with pytest.raises(AccessError) as caught:
        Server(answer).tokens()()
    assert says in caught.value.message
    assert "canary" not in repr(caught.value) + str(caught.value.hint)
    assert "canary" not in repr(Server().tokens())
