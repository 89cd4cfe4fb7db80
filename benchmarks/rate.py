"""How much of HubSpot's rate limit is used in real time, how many 429, and what it costs of one core.

    python -m benchmarks.rate [--seconds 60] [--latency uniform:0.1-0.3]

The simulated HubSpot is a process of its own and permits 190 requests in any 10 s, as a professional account; the importer
runs in this one, with all defaults. It is stopped after the seconds and a first window.

Use is counted from the arrivals in the simulator's own log, reading and listing included, without the burst of the first
window: arrivals n, n + 190, n + 380, ... lie 10 s apart when all is used, so use is 10 s times the whole limits between
the first arrival of the second window and the last whole limit, divided by the time between those two. (Counted up to
the end of the time, the result would depend on whether the end meets a burst.) CPU is that of the importer's
process over the same run, set-up and reading included. The exit status is 1 when a goal is missed.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import anyio

from importer.errors import ExitStatus
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.transport import HubSpotTransport
from importer.model import BATCH_RECORDS_MAX, State
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Tally
from importer.stopping import Stop
from tests.kills.grounds import simulated
