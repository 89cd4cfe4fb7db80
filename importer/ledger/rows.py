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
    identity: str  #: 32 hex digits: what makes two rows the same campaign
    name: str  #: hs_name as it was sent
    id: str  #: HubSpot's id of the campaign
    #: HubSpot's createdAt; null for an update, and where a person said that the campaign exists
    created_at: str | None
    via: Literal["reply", "reconcile", "operator", "update", "adopt"]  #: how it became known
    pairing: str  #: how row and campaign were paired
    updated: NotRequired[list[str]]  #: properties that an update wrote; absent but for `via` update
    normalised: NotRequired[dict[str, str]]  #: property to value as HubSpot shows it, where that differs; else absent
    #: when the same sending stood in failures.jsonl as one that could not be told; else absent
    supersedes: NotRequired[Literal["unresolved"]]
    attempts: int  #: in which sending it was made or updated, from 1; 0 for one that was found in the account
    run: int  #: number of the run that learnt it


class FailureRow(TypedDict):
    """A line of failures.jsonl: one row that was not made, or of which it cannot be told."""

    schema: Literal[1]  #: version of the row's shape
    n: int  #: number of the journal entry that it follows from
    source: str  #: name of the source, as it was given
    ordinal: int  #: 0-based number of the row in its source
    line_number: int | None  #: 1-based line on which the row starts; null where the format has no lines
    identity: str | None  #: 32 hex digits: what makes two rows the same campaign; null where it could not be told
    name: str | None  #: hs_name; null where there is none
    state: Literal["failed", "unresolved"]  #: `failed` was not made, of `unresolved` nobody knows
    code: str  #: the failure code
    message: str  #: the cause, one sentence
    column: NotRequired[str | None]  #: the column or property to look at; absent for what cannot be told
    fix: str | None  #: what to do
    #: how HubSpot's error was tied to the row: `record` (alone in its batch), `value` (named by the error), `group`;
    #: absent for rows that failed here
    attribution: NotRequired[Literal["record", "value", "group"]]
    correlation_id: str | None  #: HubSpot's id of the request, which its support asks for
    attempts: int  #: how often the row was sent
    problems: NotRequired[list[dict[str, Any]]]  #: everything that is wrong with a row that failed here; else absent
    #: the budget or spend item that it is about, whose campaign stands: `kind`, `campaign`, `name`, `amount`, `order`;
    #: else absent
    item: NotRequired[dict[str, Any]]
    #: what was sent, of a row that the run which wrote this line did not hold; else absent
    properties: NotRequired[dict[str, str]]
    row: Any  #: the row as the source held it; null where only the journal knows it
    run: int  #: number of the run


class ListedRow(TypedDict):
    """A line of changed.jsonl or skipped.jsonl: one row of the latest run that was not sent."""

    source: str  #: name of the source, as it was given
    ordinal: int  #: 0-based number of the row in its source
    line_number: int | None  #: 1-based line on which the row starts; null where the format has no lines
    identity: str  #: 32 hex digits: what makes two rows the same campaign
    name: str  #: hs_name as it would be sent
    why: str  #: `changed`, or why it was skipped
    run: int  #: number of the run


class Clash(TypedDict):
    """The three values of one property of a conflict."""

    written: str  #: what was written from here last; empty where nothing was
    in_hubspot: str  #: what HubSpot shows
    in_source: str  #: what the row says now; empty resets the property


class ConflictRow(TypedDict):
    """A line of conflicts.jsonl: one campaign that somebody changed in HubSpot since it was written."""

    source: str  #: name of the source, as it was given
    ordinal: int  #: 0-based number of the row in its source
    line_number: int | None  #: 1-based line on which the row starts; null where the format has no lines
    identity: str  #: 32 hex digits: what makes two rows the same campaign
    name: str  #: hs_name as the row says it
    id: str  #: HubSpot's id of the campaign
    run: int  #: number of the run that found it
    conflicts: dict[str, Clash]  #: property to its three values
    did: Literal["skip", "overwrite", "fail"]  #: what became of it: --on-conflict


class UndoneRow(TypedDict):
    """A line of undone.jsonl: one campaign of the runs that the latest undo was about, and what became of it."""

    schema: Literal[1]  #: version of the row's shape
    id: str  #: HubSpot's id of the campaign
    name: str  #: hs_name as it was sent
    identity: str  #: 32 hex digits: what makes two rows the same campaign
    source: str  #: name of the source, as it was given
    ordinal: int  #: 0-based number of the row in its source
    line_number: int | None  #: 1-based line on which the row starts; null where the format has no lines
    run: int  #: number of the run that made it
    fate: str  #: what became of it
    why: str | None  #: more about that, for people; null where there is nothing to say
    #: property to its value as written and as HubSpot shows it; empty unless `fate` is `changed`
    changed: dict[str, list[str]]
