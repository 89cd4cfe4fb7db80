"""Create marketing campaigns in HubSpot from large files. This is the map: the stations, in reading order.

The nouns, which everybody shares:

    model, errors, problems, canonical    values and the life of a record, errors, codes of failed rows, comparing

The way of the data, without going back:

    sources       file, link or stream → numbered rows
    mapping       row → properties (with rules, codecs, properties)
    records       properties → record or rejection, with its identity (with checks)
    reading       the three above as one pass
    admission     the same campaign or another: which records are sent
    batches       records → batches of at most 50
    producing     the pass, chunk by chunk: rejects to the journal, batches to the workers
    pacing        when the next request may leave (with arrivals, outage, server_clock)
    gate          how many may be on their way at once (with concurrency)
    sending       what a worker does with a batch: intent, exchange, verdict, pairing, outcome
    hubspot       the API: bodies, transport, the table of verdicts
    answers       which result belongs to which input (with pairing, attribution)
    ledger        the journal, which is the truth; the ledgers and the index, which follow from it
    reconcile     what became of records in doubt (with lookup, matching)
    items         budget and spend, when the campaigns are made
    report        counts, books, summary, the page for people (gathered by reporting)

Before it, and beside it:

    doctor        what an import needs: token, account, scopes, quota, clock, disk
    proposing     the head of a file → a mapping, with its reasons, as a configuration file
    probing       what is only assumed of HubSpot, asked of a test account

After it:

    undoing       taking back what a run made (with archiving, undone)
    remote_check  the ledger compared with HubSpot
    asking        questions through any weather (with inquiring, comparing)

What holds them together:

    plan          everything a run is told, as one value
    pipeline      the list of the stations: task groups, streams, workers
    dry_run, settling, inspecting    a rehearsal; settling by itself; looking at a ledger
    runs          the same, connected to HubSpot or to the simulator
    fleet         many imports for many accounts
    cli, library  for people, for programs
    simulator     a HubSpot look-alike with faults

Read `model`, then `pipeline`, then any station alone. docs/explanation/architecture.md says why it is so.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer.library import run_import

__all__ = ["run_import"]


def __getattr__(name: str) -> Any:
    """Fetch the import when it is first used: what it needs is slow to load, and help must be fast."""
    if name in __all__:
        from importer import library  # noqa: PLC0415 - see above

        return getattr(library, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
