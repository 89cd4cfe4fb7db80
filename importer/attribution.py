"""Which input an error of HubSpot means, and what follows for the inputs that are not among the results.

Nothing documented ties an error to an input (no index, no id, undocumented `context`), so an error *names* an input
when it holds a value that only this one of the inputs in question has. The two mistakes are not alike:

- `Failed` for a campaign that was made hides it from its owner, and a mended row makes a twin later.
- `Returned` for a campaign that was made sends it again: a twin at once.

So both need a proof that the record was not made, and only two things count as one. A value in an error's *context*,
which is data: the input's name, or the value of the very property that is its key. Or the *counts*: every input is a
result or an error, no result is foreign, and no two errors name the same input. Only where the counts hold are
messages read, since prose also quotes what is permitted and what exists already: then a misreading costs a wrong
reason, not a campaign. All the rest is in doubt and gets looked up. This module is pure.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from importer import canonical
from importer.model import Failed, Finding, InDoubt, Problem, RemoteError, Returned

_NAME: Final = "hs_name"
_NAME_KEYS: Final = frozenset({"hs_name", "name", "campaignname"})
_PROPERTY_KEYS: Final = frozenset({"propertyname", "property", "properties"})
_VALUE_KEYS: Final = frozenset({"propertyvalue", "value", "invalidvalue"})
_TELLING_CHARACTERS: Final = 3  #: shorter values turn up by chance
_MESSAGE_CHARACTERS: Final = 500  #: of a problem's message
_PACKED_CHARACTERS: Final = 65_536  #: of a message that are searched for JSON
_OPENED: Final = re.compile(r"(?:^|[\"'\u201c\u2018\xab\[(<]|[:=,]\s?)\Z")  #: what stands before a value in a message
_CLOSED: Final = re.compile(r"[\"'\u201d\u2019\xbb\])>,;]|\.?\s*\Z")  #: and what stands behind it
_FORBIDDEN: Final = re.compile(r"Forbidden properties: \[([^\]]*)\]")  #: HubSpot goes on to list the permitted ones
#: Code, sub-category or message of an error → what to do about its property.
_FIXES: Final = (
    (re.compile("FORBIDDEN_FOR_WRITE|Forbidden properties|READ_ONLY"), "Leave out {}: HubSpot does not let it be set."),
    (re.compile("DOESNT_EXIST"), "Create the property {} in HubSpot, or leave it out."),
    (re.compile("INVALID_DATE"), "Write {} as YYYY-MM-DD."),
)

Properties = Mapping[str, str]
_Rows = Mapping[int, Properties]


def attribute(
    sent_left: Sequence[tuple[int, Properties]],
    errors: Sequence[RemoteError],
    *,
    results_count: int,
    sent_count: int,
    num_errors: int | None,
    unexpected: int,
) -> list[Finding]:
    """Return a finding for every input of a 2xx reply that was paired with no result, in the order given.

    Args:
        sent_left: Index and sent properties of each input without a result.
        errors: The reply's errors.
        results_count: Results in the reply.
        sent_count: Inputs of the request.
        num_errors: The reply's own count of its errors, where it gives one.
        unexpected: Results paired with nothing.

    A reply whose status is not COMPLETE proves nothing by its counts: whoever has one does not ask here.
    """
    rows = dict(sent_left)
    named = _named(dict(enumerate(errors)), rows, _in_context)
    proved = (
        results_count + len(errors) == sent_count
        and len(errors) == len(rows)
        and unexpected == 0
        and num_errors in {None, len(errors)}
    )
    if proved:
        silent = {at: error for at, error in enumerate(errors) if at not in named}
        told = named | _named(silent, rows, _in_message)
        proved = len(set(told.values())) == len(told)
        named = told if proved else named
    findings = {index: _failed(index, mine, rows[index], "value") for index, mine in _by_input(named, errors).items()}
    others = [error for at, error in enumerate(errors) if at not in named]
    rest = [index for index in rows if index not in findings]
    if proved and len(rest) == 1:
        findings[rest[0]] = _failed(rest[0], others, rows[rest[0]], "record" if len(rows) == 1 else "group")
    unnamed: type[Returned | InDoubt] = Returned if proved else InDoubt
    return [findings.get(index) or unnamed(index=index) for index in rows]


def refused_alone(errors: Sequence[RemoteError], properties: Properties, message: str = "") -> Problem:
    """Return the problem of a record that was refused alone in its batch, in HubSpot's own words.

    `properties` are those sent: one of them which the errors mention becomes the problem's column. `message` is said
    where the errors say nothing.
    """
    parts = [part for error in errors for part in _unpacked(error)]
    said = "; ".join(dict.fromkeys(canonical.text(part.message) for part in parts if part.message.strip()))
    said = said or message or "HubSpot gave no reason"
    if len(said) > _MESSAGE_CHARACTERS:
        said = said[: _MESSAGE_CHARACTERS - 1] + "…"
    found = ((name, part) for part in parts for name in _mentioned(part, properties))
    column, part = next(found, (None, None))
    return Problem(code="refused", message=said, column=column, fix=_fix(column, part) if column and part else None)


def named_by(errors: Sequence[RemoteError], sent: Sequence[Properties]) -> tuple[int, ...]:
    """Return the indices of the inputs that the errors of a refused batch name; empty when that is not sure.

    A refused batch made nothing, so messages count too. When all inputs of a batch are named, halving does as well.
    """
    rows = dict(enumerate(sent))
    listed = dict(enumerate(errors))
    found = {*_named(listed, rows, _in_context).values(), *_named(listed, rows, _in_message).values()}
    return tuple(sorted(found)) if len(found) < len(sent) else ()


def _named(
    errors: Mapping[int, RemoteError], rows: _Rows, reader: Callable[[RemoteError, _Rows], set[int]]
) -> dict[int, int]:
    """Return place of an error → the one input that it names; errors that name none or several are left out."""
    named = {}
    for at, error in errors.items():
        found = {index for part in _unpacked(error) for index in reader(part, rows)}
        if len(found) == 1:
            named[at] = found.pop()
    return named


def _by_input(named: Mapping[int, int], errors: Sequence[RemoteError]) -> dict[int, list[RemoteError]]:
    mine: dict[int, list[RemoteError]] = {}
    for at, index in named.items():
        mine.setdefault(index, []).append(errors[at])
    return mine


def _failed(index: int, errors: Sequence[RemoteError], properties: Properties, attribution: str) -> Failed:
    return Failed(index=index, problem=refused_alone(errors, properties), attribution=attribution)


def _in_context(error: RemoteError, rows: _Rows) -> set[int]:
    """Return the inputs that have a value of the error's context.

    Under the key of a property only a single value counts, since several are a list of what is permitted. Under a
    key that says nothing a value must be a name, and long enough not to be met by chance.
    """
    found: set[int] = set()
    for key, values in _by_property(error.context).items():
        if key.casefold() in _NAME_KEYS:
            wanted = [(_NAME, value) for value in values]
        elif any(key in row for row in rows.values()):
            wanted = [(key, value) for value in values if len(values) == 1]
        else:
            telling = key.casefold() not in _PROPERTY_KEYS
            wanted = [(_NAME, value) for value in values if telling and _telling(value)]
        found |= {index for name, value in wanted for index, row in rows.items() if _same(name, row.get(name), value)}
    return found


def _by_property(context: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return `context`; where it tells a property and its value under two keys, as property → value instead."""
    keys = {key.casefold(): key for key in context}
    name_key = next((keys[key] for key in keys if key in _PROPERTY_KEYS), None)
    value_key = next((keys[key] for key in keys if key in _VALUE_KEYS), None)
    if name_key is None or value_key is None or len(context[name_key]) != 1:
        return dict(context)
    rest = {key: values for key, values in context.items() if key not in {name_key, value_key}}
    return rest | {context[name_key][0]: context[value_key]}


def _in_message(error: RemoteError, rows: _Rows) -> set[int]:
    """Return the inputs whose name stands delimited in the error's message; failing that, those with another value.

    Codes and enumerations do not count: messages list the permitted ones.
    """
    message = canonical.text(error.message)
    named = {index for index, row in rows.items() if _quoted(canonical.text(row.get(_NAME, "")), message)}
    return named or {
        index
        for index, row in rows.items()
        for name, value in row.items()
        if name not in canonical.CODE_PROPERTIES and _quoted(canonical.text(value), message)
    }


def _quoted(value: str, message: str) -> bool:
    if not _telling(value):
        return False
    start = message.find(value)
    while start >= 0:
        before, behind = message[max(0, start - 2) : start], message[start + len(value) :]
        if _OPENED.search(before) and _CLOSED.match(behind):
            return True
        start = message.find(value, start + 1)
    return False


def _telling(value: str) -> bool:
    return len(value) >= _TELLING_CHARACTERS and not value.isdigit()


def _same(name: str, sent: str | None, told: str) -> bool:
    return bool(sent) and canonical.value_of(name, sent or "") == canonical.value_of(name, told) != ""


def _unpacked(error: RemoteError) -> Iterator[RemoteError]:
    """Yield the error without the JSON that is packed in its message, then each thing that the JSON tells.

    HubSpot's validation writes `Property values were not valid: [{"message":…,"error":…,"name":…}]` (error guide).
    """
    start = error.message.find("[{", 0, _PACKED_CHARACTERS)
    try:
        packed, _ = json.JSONDecoder().raw_decode(error.message, start) if start >= 0 else ([], 0)
    except (ValueError, RecursionError):
        packed = []
    told = [item for item in packed if isinstance(item, dict)]
    yield error._replace(message=error.message[:start].strip(" :")) if told else error
    for item in told:
        texts = {key: value for key, value in item.items() if isinstance(value, str)}
        keys = [key for key in ("name", *_VALUE_KEYS) if key in texts]
        context = {"propertyName" if key == "name" else key: (texts[key],) for key in keys}
        yield RemoteError(texts.get("message", ""), code=texts.get("error"), context=context)


def _mentioned(error: RemoteError, properties: Properties) -> Iterator[str]:
    """Yield the sent properties that the error is about."""
    forbidden = _FORBIDDEN.search(error.message)
    if forbidden:
        yield from (name.strip() for name in forbidden[1].split(",") if name.strip() in properties)
        return
    for key, values in error.context.items():
        if key in properties:
            yield key
        elif key.casefold() in _PROPERTY_KEYS:
            yield from (name for name in values if name in properties)
    words = set(re.findall(r"\w+", error.message))
    written = [name for name in properties if "_" in name and name in words]
    if len(written) == 1:
        yield written[0]


def _fix(column: str, error: RemoteError) -> str:
    said = f"{error.code} {error.sub_category} {error.message}"
    remedy = next((fix for pattern, fix in _FIXES if pattern.search(said)), "Mend {} and run the same command again.")
    return remedy.format(column)
