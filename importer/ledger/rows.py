"""The rows of the ledger's files for people: what each line says. This module is pure.

`fold` and `producing` make them as plain dictionaries of these shapes; docs/reference/ledger.md says what they mean.
"""

from typing import Any, Literal, NotRequired, TypedDict


class ResultRow(TypedDict):
    """A line of results.jsonl: one campaign that was made."""

    schema: Literal[1]  #: version of the row's shape
    n: int  #: number of the journal entry that it follows from
    source: str  #: name of the source, as it was given
    ordinal: int  #: 0-based number of the row in its source
    line_number: int | None  #: 1-based line on which the row starts; null where the format has no lines
    identity: str  #: what makes two rows the same campaign
    name: str  #: hs_name as it was sent
    id: str  #: HubSpot's id of the campaign
    created_at: str | None  #: HubSpot's createdAt; null where a person said that the campaign exists
    via: Literal["reply", "reconcile", "operator"]  #: how it became known
    pairing: str  #: how row and campaign were paired
    normalised: NotRequired[dict[str, str]]  #: property to value as HubSpot shows it, where that differs
    supersedes: NotRequired[Literal["unresolved"]]  #: it stood in failures.jsonl as one that could not be told
    attempts: int  #: in which sending it was made, from 1
    run: int  #: number of the run that learnt it


class FailureRow(TypedDict):
    """A line of failures.jsonl: one row that was not made, or of which it cannot be told."""

    schema: Literal[1]  #: version of the row's shape
    n: int  #: number of the journal entry that it follows from
    source: str  #: name of the source, as it was given
    ordinal: int  #: 0-based number of the row in its source
    line_number: int | None  #: 1-based line on which the row starts; null where the format has no lines
    identity: str | None  #: null where it could not be told
    name: str | None  #: hs_name; null where there is none
    state: Literal["failed", "unresolved"]  #: whether it was not made, or nobody knows
    code: str  #: failure code
    message: str  #: the cause, one sentence
    column: NotRequired[str | None]  #: the column or property to look at; absent for what cannot be told
    fix: str | None  #: what to do
    attribution: NotRequired[Literal["record", "value", "group"]]  #: how HubSpot's error was tied to the row
    correlation_id: str | None  #: HubSpot's id of the request
    attempts: int  #: how often the row was sent
    problems: NotRequired[list[dict[str, Any]]]  #: everything that is wrong with a row that failed here
    item: NotRequired[dict[str, Any]]  #: the budget or spend item that it is about; its campaign stands
    properties: NotRequired[dict[str, str]]  #: what was sent, of a row that only the journal knows
    row: Any  #: the row as the source held it; null where only the journal knows it
    run: int  #: number of the run


class ListedRow(TypedDict):
    """A line of changed.jsonl or skipped.jsonl: one row of the latest run that was not sent."""

    source: str  #: name of the source, as it was given
    ordinal: int  #: 0-based number of the row in its source
    line_number: int | None  #: 1-based line on which the row starts; null where the format has no lines
    identity: str  #: what makes two rows the same campaign
    name: str  #: hs_name as it would be sent
    why: str  #: `changed`, or why it was skipped
    run: int  #: number of the run
