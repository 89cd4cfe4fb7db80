"""An importer as it is often written: post, note what is done in a file, try again after an error. The baseline.

It is not careless: it notes each batch as soon as its answer is there, skips what is noted, and tries each batch three
times. What it lacks is an intent before the request and a look after a lost answer.
"""

import csv
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

BATCH = 50
TRIES = 3


def post(base_url: str, rows: list[dict[str, str]]) -> list[str]:
    """Create a batch; return the names that came back."""
    body = json.dumps({"inputs": [{"properties": row} for row in rows]}).encode()
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{base_url}/marketing/v3/campaigns/batch/create", body,
        {"Content-Type": "application/json", "Authorization": "Bearer a-token"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=2) as reply:  # noqa: S310 - loopback
        return [result["properties"]["hs_name"] for result in json.load(reply)["results"]]


def main(source: str, done_file: str, base_url: str) -> int:
    """Import what is not noted as done; return 1 when something was given up."""
    noted = Path(done_file)
    done = set(noted.read_text().splitlines()) if noted.exists() else set()
    with open(source, newline="") as file:  # noqa: PTH123 - as people write it
        rows = [row for row in csv.DictReader(file) if row["hs_name"] not in done]
    failed = False
    with noted.open("a") as log:
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            for _ in range(TRIES):
                try:
                    names = post(base_url, batch)
                except (OSError, urllib.error.HTTPError, ValueError):
                    time.sleep(0.05)
                    continue
                log.write("".join(f"{name}\n" for name in names))
                log.flush()
                break
            else:
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
