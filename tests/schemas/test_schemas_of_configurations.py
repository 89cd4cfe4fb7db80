"""The schemas of configuration and mapping take what the importer takes, and refuse what it refuses."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from importer import rules
from importer.cli.flags import IN_FILE
from importer.errors import ExitStatus, UsageError
from importer.fleet.file import read_fleet
from importer.mapping import parse_mapping
from importer.schemas.published import SCHEMAS
from importer.settings import read_file
from tests.schemas.conformity import complaint

ROOT: Final = Path(__file__).resolve().parents[2]
CONFIGURATIONS: Final = sorted((ROOT / "config").glob("*.toml"))
MAPPINGS: Final = sorted((ROOT / "config" / "mappings").glob("*.toml"))


def toml(text: str) -> dict[str, Any]:
    """Return parsed TOML."""
    return tomllib.loads(text)


#: What a piece that shows the table `fleet` alone leaves to the reader.
_OTHER_TABLES: Final = """
[accounts.acme]
token = "env:ACME_TOKEN"
[[imports]]
name = "acme"
account = "acme"
source = "acme.csv"
"""


@pytest.mark.parametrize("path", [*CONFIGURATIONS, *MAPPINGS], ids=lambda path: path.name)
def test_what_is_delivered_fits(path: Path) -> None:
    """Every configuration and every ready mapping."""
    name = "configuration" if path in CONFIGURATIONS else "mapping"
    assert complaint(name, toml(path.read_text(encoding="utf-8"))) is None


def test_what_documents_show_fits(tmp_path: Path) -> None:
    """Each piece of TOML in the documents that is a configuration, a mapping or a fleet file."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for block in re.findall(r"```toml\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            held = toml(block)
            if "fleet" in held:
                (tmp_path / "fleet.toml").write_text(block if "accounts" in held else block + _OTHER_TABLES)
                assert read_fleet(tmp_path / "fleet.toml").imports
                continue
            name = "configuration" if held.keys() <= {"run", "mapping"} else "mapping"
            assert complaint(name, held) is None, path


@pytest.mark.parametrize(
    "content",
    [
        "Campaign Name,Start,Status\nA,01.02.2026,Planned\nB,03.02.2026,Sent\n",
        "Id,Name,StartDate,Status\n701000000000001AAA,A,2026-01-01,In Progress\n",
        "hs_name\nA\n",
    ],
)
def test_what_init_writes_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    """A proposal, whatever it found."""
    from importer.cli.proposing import init  # noqa: PLC0415 - slow to import

    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(content)
    assert init("a.csv", {}, ["init", "a.csv"]) == ExitStatus.OK
    assert complaint("configuration", toml(Path("importer.toml").read_text(encoding="utf-8"))) is None


GOOD: Final = '[mapping.properties]\nhs_name = "Name"\n'


@pytest.mark.parametrize(
    "broken",
    [
        "[runs]\n",
        "[run]\nretes = 5\n",
        '[run]\nrate = "fast"\n',
        "[run]\nrate = 0\n",
        "[run]\nsettle = -1\n",
        "[run]\nmax_duration = 0\n",
        '[run]\nmax_outage = "soon"\n',
        "[run]\nrate_share = 2\n",
        '[run]\nduplicates = "both"\n',
        "[run]\nkey = [1]\n",
        '[run]\nworkers = "many"\n',
        '[run]\ntoken = "pat-1"\n',
        "[mapping]\n",
        '[run]\nmapping = "salesforce"\n' + GOOD,
        GOOD + 'hs_notes = { column = "a", template = "b" }\n',
        GOOD + 'hs_notes = { column = "a", date = "iso", values = { a = "b" } }\n',
        GOOD + 'hs_notes = { column = "a", otherwise = "keep" }\n',
        GOOD + 'hs_notes = { column = "a", values = { a = "b" }, otherwise = "guess" }\n',
        GOOD + 'hs_notes = { constant = "a", default = "b" }\n',
        GOOD + 'hs_notes = { column = "a", optional = "yes" }\n',
        GOOD + "hs_notes = 5\n",
        GOOD + '[mapping.nmae]\nx = "y"\n',
    ],
)
def test_what_the_importer_refuses_is_refused(tmp_path: Path, broken: str) -> None:
    """A typing error, a wrong kind of value, a contradiction: the schema says no, and so does the importer."""
    held = toml(broken)
    assert complaint("configuration", held)
    path = tmp_path / "importer.toml"
    path.write_text(broken)
    from importer.settings import load  # noqa: PLC0415 - slow to import

    with pytest.raises(UsageError):  # noqa: PT012 - one of the two says no
        load({"config": str(path)})
        parse_mapping(read_file(path) and held["mapping"], name="x")


def test_every_setting_is_known() -> None:
    """The schema has each setting that a file may hold, with what it does."""
    known = SCHEMAS["configuration"]()["properties"]["run"]["properties"]
    assert known.keys() == IN_FILE.keys()
    assert all(told["description"] for told in known.values())


def test_the_forms_of_a_rule_are_those_of_the_code() -> None:
    """The schema knows every key of a rule and no other."""
    forms = SCHEMAS["mapping"]()["properties"]["properties"]["additionalProperties"]["anyOf"]
    known = {key for form in forms for key in form.get("properties", ())}
    assert known == set(rules._KEYS)


@pytest.mark.parametrize("value", ['"90"', '"45s"', '"1h30m"', "90", "2.5"])
def test_times_fit_with_units_and_without(tmp_path: Path, value: str) -> None:
    """A time is a number of seconds, or text with units; importer and schema take both."""
    path = tmp_path / "importer.toml"
    path.write_text(f"[run]\nmax_outage = {value}\n")
    from importer.settings import load  # noqa: PLC0415 - slow to import

    assert complaint("configuration", toml(path.read_text())) is None
    assert load({"config": str(path)}).settings.max_outage > 0
