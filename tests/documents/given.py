"""The files that commands in documents speak of, as their readers may have them."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.documents.blocks import ROOT

_HEAD: Final = "hs_name,hs_start_date,hs_end_date,hs_campaign_status\n"


def _salesforce(path: Path) -> None:
    path.write_bytes((ROOT / "docs/tutorial/salesforce-campaigns.csv").read_bytes())


def _campaigns(path: Path) -> None:
    rows = [f"Offer {n},2026-{n % 12 + 1:02d}-01,2026-{n % 12 + 1:02d}-20,planned\n" for n in range(1, 121)]
    path.write_text(_HEAD + "".join(rows), encoding="utf-8")


def _broken(path: Path) -> None:
    rows = ["Spring,2026-02-30,,planed\n", "Summer,31/06/2026,,planned\n", "Autumn,2026-09-01,,planned\n"]
    path.write_text(_HEAD + "".join(rows), encoding="utf-8")


def _budgets(path: Path) -> None:
    head = "hs_name,budget.amount,budget.travel.amount,spend.ads.amount\n"
    path.write_text(f"{head}Spring,1000,250.50,\nSummer,2000,,310\nAutumn,a lot,,\n", encoding="utf-8")


def _big(path: Path) -> None:
    path.write_text(
        _HEAD + "".join(f"Offer {n},2026-04-01,2026-04-30,planned\n" for n in range(5000)), encoding="utf-8"
    )


def _zipped(path: Path) -> None:
    rows = [json.dumps({"hs_name": f"Feed {n}", "hs_start_date": "2026-04-01"}) for n in range(20)]
    path.write_bytes(gzip.compress("\n".join(rows).encode()))


MAKERS: Final[dict[str, Callable[[Path], None]]] = {
    "export.csv": _salesforce,
    "salesforce-campaigns.csv": _salesforce,
    "campaigns.csv": _campaigns,
    "broken.csv": _broken,
    "budgets.csv": _budgets,
    "big.csv": _big,
    "feed.jsonl.gz": _zipped,
}


def give(name: str, folder: Path) -> None:
    """Make a file of `MAKERS`, by its name, in a folder, or in one below it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    MAKERS.get(path.name, _campaigns)(path)
