"""The fleet file: what it says, and what it refuses with a sentence that helps."""

from pathlib import Path
from typing import Final

import pytest

from importer.errors import AccessError, UsageError
from importer.fleet.command import arguments, environment
from importer.fleet.file import read_fleet

GOOD: Final = """
[fleet]
directory = "shared"
at_once = 3
wait_max = "30m"
[options]
duplicates = "create"
[accounts.acme]
token = "env:ACME_TOKEN"
[accounts.bolt]
token = "file:/run/secrets/bolt"
limit = "none"
[[imports]]
name = "acme-nightly"
account = "acme"
source = "in/acme.csv"
mapping = "salesforce"
options = { key = ["Id", "Name"], retry_failed = true }
[[imports]]
name = "bolt-nightly"
account = "bolt"
source = ["in/b1.csv", "in/b2.csv"]
ledger = "bolt.ledger"
mode = "upsert"
"""


def written(folder: Path, text: str) -> Path:
    """Write a fleet file."""
    path = folder / "fleet.toml"
    path.write_text(text)
    return path


def test_a_fleet_is_read(tmp_path: Path) -> None:
    """Paths become absolute beside the file, defaults are filled in, options are merged."""
    fleet = read_fleet(written(tmp_path, GOOD))
    first, second = fleet.imports
    assert (fleet.directory, fleet.at_once, fleet.wait_max_s) == (str(tmp_path / "shared"), 3, 1800)
    assert first.sources == (str(tmp_path / "in/acme.csv"),)
    assert first.ledger == str(tmp_path / "in/acme.csv.ledger")
    assert first.options == {"duplicates": "create", "key": ["Id", "Name"], "retry_failed": True}
    assert (second.mode, second.ledger, len(second.sources)) == ("upsert", str(tmp_path / "bolt.ledger"), 2)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("at_once", "at_one", 'did you mean "at_once"'),
        ("mapping =", "maping =", 'no key "import acme-nightly.maping" (did you mean "mapping"'),
        ('account = "bolt"', 'account = "blot"', 'no account "blot" (did you mean "bolt"'),
        ("bolt-nightly", "Acme-Nightly", "is there twice"),
        ("bolt-nightly", "../bolt", "cannot be a file's"),
        ("bolt-nightly", "nul.x", "cannot be a file's"),
        ("env:ACME_TOKEN", "pat-na1-secret", "must say where the token is"),
        ("file:/run/secrets/bolt", "env:ACME_TOKEN", "is used by account acme and by account bolt"),
        ('"bolt.ledger"', '"in/acme.csv.ledger"', "is used by import acme-nightly and by import bolt-nightly"),
        ('ledger = "bolt.ledger"', "", "need ledger"),
        ("retry_failed", "retry_faild", 'did you mean "retry_failed"'),
        ("retry_failed = true", 'token_file = "x"', 'the fleet sets "token_file" itself'),
        ("at_once = 3", 'at_once = "3"', "fleet.at_once"),
        ('"in/b1.csv"', '"-"', "standard input"),
        ('limit = "none"', 'limit = "fast"', 'must be "file", "none"'),
        ("at_once = 3", 'engine = "dask"', 'must be "local"'),
        ('"30m"', '"soon"', "wait_max"),
    ],
)
def test_what_cannot_be_meant_so_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    """One sentence names the place and the near miss; a token that stands there is never quoted."""
    assert old in GOOD
    with pytest.raises(UsageError) as caught:
        read_fleet(written(tmp_path, GOOD.replace(old, new)))
    assert says in caught.value.message
    assert "pat-na1" not in caught.value.message + str(caught.value.hint)


def test_two_ledgers_on_one_source_of_an_account_are_refused(tmp_path: Path) -> None:
    """They would make every campaign twice; another account may read the same file."""
    third = '[[imports]]\nname = "third"\naccount = "acme"\nsource = "in/../in/acme.csv"\nledger = "other.ledger"\n'
    with pytest.raises(UsageError, match="is used by import acme-nightly and by import third"):
        read_fleet(written(tmp_path, GOOD + third))
    assert len(read_fleet(written(tmp_path, GOOD + third.replace('"acme"', '"bolt"'))).imports) == 3


@pytest.mark.parametrize("text", ["[fleet", "", "\xff", '[fleet]\ndirectory = "d"\n'])
def test_a_broken_file_is_a_sentence(tmp_path: Path, text: str) -> None:
    """No TOML, nothing in it, or half of it: a usage error, no traceback."""
    path = tmp_path / "fleet.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"fleet\.toml"):
        read_fleet(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_fleet(tmp_path / "missing.toml")


def test_the_child_gets_its_own_token_and_nobody_elses_settings(tmp_path: Path) -> None:
    """The token is in the environment, never in the arguments; settings of whoever began the fleet stay out."""
    fleet = read_fleet(written(tmp_path, GOOD))
    acme, bolt = fleet.accounts["acme"], fleet.accounts["bolt"]
    given = {"PATH": "/bin", "ACME_TOKEN": "s3cret", "HUBSPOT_ACCESS_TOKEN": "another", "IMPORTER_RATE": "1"}
    assert dict(environment(fleet, acme, given))["HUBSPOT_ACCESS_TOKEN"] == "s3cret"
    assert dict(environment(fleet, bolt, given)) == {"PATH": "/bin"}
    with pytest.raises(AccessError, match="ACME_TOKEN is not set"):
        dict(environment(fleet, acme, {}))
    assert [name for name, value in environment(fleet, acme, given) if value == "s3cret"] == ["HUBSPOT_ACCESS_TOKEN"]
    words = arguments(fleet, fleet.imports[0], acme)
    assert "s3cret" not in " ".join(words)
    assert {"--key=Id", "--key=Name", "--retry-failed", "--mapping=salesforce"} <= set(words)
    assert words[-2:] == ["--", fleet.imports[0].sources[0]]
    own = arguments(fleet, fleet.imports[1], bolt)
    assert "--token-file=/run/secrets/bolt" in own
    assert not [word for word in own if word.startswith("--limit-file")]
