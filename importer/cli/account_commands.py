"""The commands that prepare an account, or a ledger for an account in use. They are rare."""

from typing import Final

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
)
