"""The first hour's slips: a bad cell in the sheet, a line in the wrong table, a name mistyped."""

import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from importer.errors import ExitStatus
from tests.in_process import importer

pytestmark = pytest.mark.usefixtures("folder")


def proposed(source: str) -> dict[str, Any]:
    """Return the properties of the mapping that init writes."""
    importer("init", source)
    return dict(tomllib.loads(Path("importer.toml").read_text(encoding="utf-8"))["mapping"]["properties"])


def sheet(path: Path, *, slip: str) -> None:
    """Write a workbook of ten campaigns, in one of which the end is an error of Excel's."""
    with xlsxwriter.Workbook(path) as book:
        page, day = book.add_worksheet("Plan"), book.add_format({"num_format": "dd.mm.yyyy"})
        page.write_row(0, 0, ["Campaign", "Start date", "End date"])
        for at in range(10):
            page.write_string(at + 1, 0, f"Campaign {at}")
            page.write_datetime(at + 1, 1, date(2026, 1, 1), day)
            if at == 4:
                page.write_formula(at + 1, 2, "=NA()", day, slip)
            else:
                page.write_datetime(at + 1, 2, date(2026, 1, 1) + timedelta(days=at), day)


def test_an_error_in_one_cell_costs_no_column(folder: Path) -> None:
    """The column is imported, and the row with the error fails by itself."""
    sheet(folder / "plan.xlsx", slip="#N/A")
    assert proposed("plan.xlsx")["hs_end_date"] == {"column": "End date", "date": ["iso"]}
    done = importer("run", "--simulate", "plan.xlsx", status=ExitStatus.SOME_FAILED)
    assert "1 cell_error" in done.stderr
    assert done.stdout.startswith("10 read = 9 created")


def test_one_date_that_is_none_costs_no_column(folder: Path) -> None:
    """The format of the others is proposed, the odd one is named, and only its row fails."""
    rows = [f"Campaign {at};{at + 1:02}.06.2026" for at in range(20)]
    rows[7] = "Campaign 7;31.06.2026"
    (folder / "plan.csv").write_text("Name;Startdatum\n" + "\n".join(rows))
    assert proposed("plan.csv")["hs_start_date"] == {"column": "Startdatum", "date": ["%d.%m.%Y"]}
    assert 'LOOK: "31.06.2026" is no such date' in (folder / "importer.toml").read_text()
    importer("run", "--simulate", "plan.csv", status=ExitStatus.SOME_FAILED)


def test_a_column_of_anything_is_no_column_of_dates(folder: Path) -> None:
    """More than one in ten is no slip: the column is left out, with the reason, as before."""
    rows = [f"Campaign {at},{'soon' if at % 5 else '2026-01-01'}" for at in range(20)]
    rows += [f"Other {at},week {at}" for at in range(20)]
    (folder / "plan.csv").write_text("Name,Start\n" + "\n".join(rows))
    assert "hs_start_date" not in proposed("plan.csv")


def test_a_column_that_is_blank_so_far_is_imported_later(folder: Path) -> None:
    """Tomorrow's rows may fill it: what its heading says is taken, dates as the others of the file are."""
    (folder / "plan.csv").write_text("Name;Startdatum;Enddatum;Notizen;Währung\nA;01.02.2026;;;\nB;02.02.2026;;;\n")
    assert proposed("plan.csv")["hs_end_date"] == {"column": "Enddatum", "date": ["%d.%m.%Y"]}
    (folder / "plan.csv").write_text("Name;Startdatum;Enddatum;Notizen;Währung\nA;01.02.2026;28.02.2026;ja;EUR\n")
    importer("run", "--simulate", "plan.csv")
    journal = (folder / "plan.csv.simulated.ledger/journal.jsonl").read_text()
    for sent in ('"hs_end_date":"2026-02-28"', '"hs_notes":"ja"', '"hs_currency_code":"EUR"'):
        assert sent in journal


@pytest.mark.parametrize(
    ("amount", "kind"), [("1.234,50", "Budget"), ("1234.50", "Budget"), ("1.234,50", "Actual Cost")]
)
def test_the_line_for_money_does_what_it_says(folder: Path, amount: str, kind: str) -> None:
    """Moved as init says, it makes an item of the amount, whichever mark its decimals have."""
    (folder / "plan.csv").write_text(f"Name;{kind}\nA;{amount}\nB;12\n")
    importer("init", "plan.csv")
    text = (folder / "importer.toml").read_text()
    (told,) = [line for line in text.splitlines() if "money: " in line]
    text = text.replace(told + "\n", "").replace(
        "[mapping.properties]\n", "[mapping.properties]\n" + told.split(" as ")[1] + "\n"
    )
    (folder / "importer.toml").write_text(text)
    done = importer("run", "--simulate", "plan.csv")
    assert "items: 2 read = 2 made" in done.stderr
    assert "1234.5" in (folder / "plan.csv.simulated.ledger/journal.jsonl").read_text()


@pytest.mark.parametrize("key", ["budget", "hs_notes"])
def test_a_property_beside_the_table_of_properties(folder: Path, key: str) -> None:
    """Where it belongs is said."""
    (folder / "a.csv").write_text("hs_name\nA\n")
    (folder / "importer.toml").write_text(
        f'[mapping]\nname = "a"\n[mapping.properties]\nhs_name = "hs_name"\n[mapping.{key}]\ncolumn = "x"\n'
    )
    refused = importer("check", "a.csv", status=ExitStatus.USAGE)
    assert f'"{key}" stands outside of properties' in refused.stderr
    assert f"[mapping.properties.{key}]" in refused.stderr


def test_a_name_that_no_file_has(folder: Path) -> None:
    """The file that was meant is named, where there is one."""
    (folder / "campaigns.csv").write_text("hs_name\nA\n")
    refused = importer("run", "--simulate", "campaings.csv", status=ExitStatus.SOURCE)
    assert 'No such file or directory (did you mean "campaigns.csv"?)' in refused.stderr
    assert "did you mean" not in importer("init", "x.tsv", status=ExitStatus.SOURCE).stderr


def test_a_title_above_the_header_is_called_one(folder: Path) -> None:
    """What stands in line 1 names the columns; that a title does not is said."""
    (folder / "a.csv").write_text("Campaigns of 2026\nhs_name,hs_notes\nA,x\n")
    assert "if it is a title, delete it" in importer("init", "a.csv", status=ExitStatus.SOURCE).stderr


def test_noise_is_told_without_advice_for_programmers(folder: Path) -> None:
    """What Python's reader says is cut where it begins to talk of modes to open files in."""
    (folder / "a.csv").write_bytes(b"ab\rcd\x80\n\x02,x\n")
    refused = importer("run", "--simulate", "--encoding", "latin-1", "a.csv", status=ExitStatus.SOURCE)
    assert "Is it a table at all?" in refused.stderr
    assert "universal-newline" not in refused.stderr
