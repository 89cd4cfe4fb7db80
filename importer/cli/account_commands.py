"""The rare commands: those that prepare an account, or a ledger for an account in use, and those for many accounts."""

from typing import Final

from importer.cli import own_flags
from importer.cli.command import Command

ACCOUNT: Final[tuple[Command, ...]] = (
    Command(
        "adopt",
        "importer.cli.adopting:adopt",
        "List the account's campaigns into a ledger, so that no run makes twins.",
        (
            ("importer adopt feed.ledger --key hs_name", "then: importer run --ledger feed.ledger --key hs_name …"),
            ("importer adopt LEDGER --correlation-property import_key", "rebuilds a ledger that is lost"),
            ("importer adopt LEDGER", "known by their names only: new rows of such names are held back"),
        ),
        "LEDGER",
        everyday=False,
    ),
    Command(
        "setup",
        "importer.cli.adopting:setup",
        "Make the custom property that ties each campaign to its row.",
        (
            ("importer setup", "makes the text property import_key, or says how a person does"),
            ("importer setup --correlation-property row_key", "another name"),
            ("importer setup --simulate", "against a simulated HubSpot, no token needed"),
        ),
        "",
        everyday=False,
    ),
    Command(
        "fleet",
        "importer.cli.fleeting:fleet",
        "Run many imports for many accounts, one per account at a time.",
        (
            ("importer fleet fleet.toml", "all of its imports; run it again to go on"),
            ("importer fleet status fleet.toml", "how they stand, also while nothing runs"),
            ("importer fleet --only acme-nightly fleet.toml", "one of them, by name or index: for other schedulers"),
        ),
        "FLEET...",
        own_flags.FLEET,
        everyday=False,
    ),
)
