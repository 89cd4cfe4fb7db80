"""`init` and `run` as a newcomer types them: real exports, the embedded simulator."""

import json
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from importer.errors import ExitStatus
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator
from tests.in_process import run_importer

GERMAN = """\
Kampagnen-Nr;Kampagne;Beginn;Ende;Status;Währung;Zielgruppe;Bemerkung;Budget
K-1;Frühjahrsaktion;01.04.2026;30.04.2026;Geplant;EUR;Händler;Größere Aktion;1.200,00
K-2;Sommerfest für Köche;05.06.2026;;Läuft;EUR;Köche;;800,00
K-3;Herbst;01.10.2026;31.10.2026;Abgeschlossen;CHF;;"Mit ; und ""Anführung"" darin";0
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def account() -> Iterator[Simulator]:
    """Serve a simulated account with a custom property from another thread."""
    simulator = Simulator(SimulatorPolicy.from_strings(["custom_properties=sales_region"]))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(simulator) as served:
        yield served


def importer(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return run_importer(*argv)


def imported(source: str) -> list[dict[str, str]]:
    """Run init and then run, with nothing but the file's name; return the properties of what was made."""
    done = importer("init", source)
    assert done.returncode == ExitStatus.OK, done.stderr
    assert f"run {source}" in done.stderr
    done = importer("run", "--simulate", source)
    assert done.returncode == ExitStatus.OK, done.stderr
    truth = Path(f"{source}.simulated.ledger/simulator/truth.jsonl").read_text(encoding="utf-8")
    return [line["properties"] for line in map(json.loads, truth.splitlines()) if line["type"] == "campaign"]


@pytest.mark.parametrize(
    ("name", "count", "mapping"), [("salesforce", 8, "salesforce"), ("mailchimp", 43, "mailchimp")]
)
def test_a_known_export_is_imported_by_its_ready_mapping(
    shared: Path, folder: Path, name: str, count: int, mapping: str
) -> None:
    """Two commands bring every campaign of a real export in; the ready mapping is taken whole."""
    source = f"{name}-campaigns.csv"
    (folder / source).write_bytes((shared / "data" / source).read_bytes())
    assert len(imported(source)) == count
    assert tomllib.loads((folder / "importer.toml").read_text(encoding="utf-8"))["run"] == {"mapping": mapping}


def test_a_german_sheet_in_latin_1_is_imported_without_an_option(folder: Path) -> None:
    """Semicolons, Latin-1, German headings, dates and statuses: all found; what is left out is said."""
    (folder / "kampagnen.csv").write_bytes(GERMAN.encode("latin-1"))
    made = sorted(imported("kampagnen.csv"), key=lambda one: one["hs_start_date"])
    assert made[0] == {
        "hs_name": "Frühjahrsaktion", "hs_start_date": "2026-04-01", "hs_end_date": "2026-04-30",
        "hs_campaign_status": "planned", "hs_currency_code": "EUR", "hs_audience": "Händler",
        "hs_notes": "Größere Aktion",
    }  # fmt: skip
    assert [one["hs_campaign_status"] for one in made] == ["planned", "in_progress", "completed"]
    written = tomllib.loads((folder / "importer.toml").read_text(encoding="utf-8"))
    assert written["mapping"]["key"] == ["Kampagnen-Nr"]
    assert written["mapping"]["ignore"] == ["Budget"]
    assert importer("run", "--simulate", "kampagnen.csv").stdout.startswith("3 read = 0 created + 3 skipped")


def test_an_existing_file_is_not_written_over_without_force(folder: Path) -> None:
    """Refused with status 2 and the ways out; --force writes, and what the old file said of reading is forgotten."""
    (folder / "a.csv").write_text("Name,Id\nSpring sale,1\nÄpfel,2\n", encoding="utf-8")
    (folder / "importer.toml").write_text('[run]\nencoding = "utf-16"\n')
    done = importer("init", "a.csv")
    assert done.returncode == ExitStatus.USAGE
    assert "--force" in done.stderr
    assert importer("init", "a.csv", "--force").returncode == ExitStatus.OK
    assert importer("run", "--simulate", "a.csv").stdout.startswith("2 read = 2 created")


def test_headings_cannot_break_the_file_or_the_terminal(folder: Path) -> None:
    """Quotes, line breaks and escape sequences in headings and labels are written escaped, and the run reads them."""
    heads = '"Na""me",Id,"Sta\ntus","x\x1b[31m\u202e"'
    (folder / "odd.csv").write_text(f'{heads}\nA b,1,Sent,q\nC d,2,"N""e\tu",r\n', encoding="utf-8")
    done = importer("init", "odd.csv")
    assert done.returncode == ExitStatus.OK
    assert "\x1b" not in done.stderr
    assert importer("run", "--simulate", "odd.csv").stdout.startswith("2 read = 2 created")


def test_the_proposal_goes_to_stdout_when_asked(folder: Path) -> None:
    """`-o -` prints the file and writes none; -o FILE is used with --config."""
    (folder / "a.csv").write_text("Name,Id\nSpring sale,1\n")
    assert tomllib.loads(importer("init", "a.csv", "-o", "-").stdout)["mapping"]["properties"] == {"hs_name": "Name"}
    assert not (folder / "importer.toml").exists()
    done = importer("init", "a.csv", "-o", "other.toml")
    assert "run --config other.toml a.csv" in done.stderr
    assert importer("run", "--simulate", "--config", "other.toml", "a.csv").returncode == ExitStatus.OK


def test_what_cannot_be_looked_at_is_refused(folder: Path) -> None:
    """Standard input, an empty file and a missing one end with the status that says so, and write nothing."""
    (folder / "empty.csv").write_text("Name,Id\n")
    assert importer("init", "-").returncode == ExitStatus.USAGE
    assert importer("init", "empty.csv").returncode == ExitStatus.SOURCE
    assert importer("init", "none.csv").returncode in {ExitStatus.SOURCE, ExitStatus.USAGE}
    assert not (folder / "importer.toml").exists()


def test_custom_properties_are_asked_and_kept(
    account: Simulator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a token the account's own properties are known; without one, later, as they were kept, with their age."""
    (folder / "a.csv").write_text("Name,Id,Sales region\nSpring sale,1,North\n")
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "canary-token")
    argv = ("init", "a.csv", "--force", "--base-url", account.base_url)
    done = importer(*argv)
    assert "asked just now" in done.stderr
    assert "sales_region" in done.stderr
    assert "importer check a.csv" in done.stderr
    assert "--simulate" not in done.stderr
    monkeypatch.delenv("HUBSPOT_ACCESS_TOKEN")
    done = importer(*argv)
    assert "asked just now (there is no HubSpot token)" in done.stderr
    written = tomllib.loads((folder / "importer.toml").read_text())
    assert written["mapping"]["properties"]["sales_region"] == "Sales region"
    assert written["run"]["base_url"] == account.base_url
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "canary-token")
    assert importer("run", "a.csv").returncode == ExitStatus.OK
    assert [dict(account.truth[0].properties)["sales_region"]] == ["North"]
