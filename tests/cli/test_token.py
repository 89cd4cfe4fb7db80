"""The token: three sources, strict about who can read it, never quoted in a message."""

import sys
from pathlib import Path

import pytest

from importer.cli.token import Token, read_token_file, run_token_command, token_source
from importer.errors import AccessError, UsageError
from importer.settings import load


def test_the_environment_gives_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """HUBSPOT_ACCESS_TOKEN is used, white space around it is not."""
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", " abc-123 ")
    assert token_source(load({}).settings)() == "abc-123"


@pytest.mark.posix("files have no modes there")
def test_a_private_file_gives_the_token(tmp_path: Path) -> None:
    """A file of mode 0600 is read, and goes before the environment."""
    path = tmp_path / "token"
    path.write_text("abc-123\n")
    path.chmod(0o600)
    assert token_source(load({"token_file": str(path)}).settings)() == "abc-123"


@pytest.mark.posix("files have no modes there")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Group and others may not read it; the hint mends it, and quotes the path for the shell."""
    path = tmp_path / "my token"
    path.write_text("abc-123\n")
    path.chmod(mode)
    with pytest.raises(UsageError, match="can be read by others") as caught:
        read_token_file(path)
    assert caught.value.hint == f"Run: chmod 600 '{path}'"


def test_a_command_gives_the_token() -> None:
    """What the command prints is the token; the command line is split as a shell would."""
    command = f"{sys.executable} -c \"print('abc-123')\""
    assert token_source(load({"token_command": command}).settings)() == "abc-123"


def test_a_command_is_run_without_a_shell(tmp_path: Path) -> None:
    """Shell syntax in the command has no power."""
    victim = tmp_path / "victim"
    with pytest.raises(AccessError, match="is not a token"):
        run_token_command(f"echo x; touch {victim}")
    assert not victim.exists()


@pytest.mark.parametrize("command", ["/no/such/command", "", "'unbalanced", "false"])
def test_a_command_that_fails_is_an_access_error(command: str) -> None:
    """Not found, empty, badly quoted, failed: each is one sentence with a hint."""
    with pytest.raises(AccessError) as caught:
        run_token_command(command)
    assert caught.value.hint


@pytest.mark.posix("files have no modes there")
@pytest.mark.parametrize("held", [b"", b"\n", b"two words\n", b"two\nlines\n", b"\xff\xfe", b"x" * 5000])
def test_what_is_no_token_is_refused_without_being_quoted(tmp_path: Path, held: bytes) -> None:
    """Empty files, several words, binary and endless content are refused; the content is not shown."""
    path = tmp_path / "token"
    path.write_bytes(held)
    path.chmod(0o600)
    with pytest.raises(AccessError) as caught:
        read_token_file(path)
    assert "words" not in caught.value.message
    assert "xxx" not in caught.value.message


def test_a_missing_file_is_an_access_error(tmp_path: Path) -> None:
    """The message names the path."""
    with pytest.raises(AccessError, match="missing cannot be read"):
        read_token_file(tmp_path / "missing")


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started() -> None:
    """A child that holds its output open does not hold the run."""
    with pytest.raises(AccessError, match="did not end in time"):
        run_token_command("sh -c 'sleep 600 & sleep 600'", seconds=0.2)


def test_a_renewed_token_is_used_and_the_earlier_ones_stay_hidden(tmp_path: Path) -> None:
    """A file that was rotated gives another token; one that was not, or is gone, gives none."""
    path = tmp_path / "token"
    path.write_text("token-one\n")
    path.chmod(0o600)
    token = token_source(load({"token_file": str(path)}).settings)
    assert not token.renew()
    path.write_text("token-two\n")
    assert token.renew()
    assert token() == "token-two"
    assert list(token.secrets()) == ["token-one", "token-two"]
    path.unlink()
    assert not token.renew()
    assert token() == "token-two"
    assert token.renew_in() is None


def test_a_token_whose_life_is_known_is_due_before_its_end() -> None:
    """Five minutes before, or a third of its life where that is short."""
    lives_s = 1_800.0
    token = Token(lambda: "a-token", lambda: lives_s)
    assert 1_400 < (token.renew_in() or 0) <= 1_500
    lives_s = 3.0
    assert (token.renew_in() or 0) <= 2


@pytest.mark.parametrize(
    "held", ["", "[]", '{"client_id": "x"}', '{"client_id": "x", "client_secret": "canary", "refresh_token": 5}']
)
def test_an_oauth_file_that_lacks_something_is_refused_without_being_quoted(tmp_path: Path, held: str) -> None:
    """Status 2, and the hint shows the form."""
    path = tmp_path / "oauth.json"
    path.write_text(held)
    path.chmod(0o600)
    with pytest.raises(UsageError, match="does not hold what it should") as caught:
        token_source(load({"oauth_file": str(path)}).settings)
    assert "canary" not in str(caught.value) + str(caught.value.hint)
    assert "refresh_token" in (caught.value.hint or "")


def test_half_of_the_variables_of_oauth_are_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named."""
    monkeypatch.setenv("HUBSPOT_REFRESH_TOKEN", "canary")
    with pytest.raises(UsageError, match="no HUBSPOT_CLIENT_ID and no HUBSPOT_CLIENT_SECRET"):
        token_source(load({}).settings)
