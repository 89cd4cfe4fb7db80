"""HubSpot's error objects, read softly: each field may be missing or of another type than promised.

There are three shapes: the top-level `Error` of a refusal, the `StandardError` items of a batch reply and the
`ErrorDetail` items within either. They share their field names, so one model reads all; `subCategory` is a string in
one and an object in another. Rate-limit refusals carry `policyName` and, in older bodies, `errorType` for `category`.
The words are kept, shortened; nothing is guessed. This module is pure.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import to_json

from importer.model import RemoteError

TEXT_CHARACTERS_MAX: Final = 2_000  # of one message or context value
ERRORS_MAX: Final = 500  # kept of one reply, details included; a batch has at most 50 inputs
CONTEXT_KEYS_MAX: Final = 50

#: Context key under which a refusal's rate-limit policy (DAILY, TEN_SECONDLY_ROLLING, …) is kept.
POLICY_NAME: Final = "policyName"


def _text(value: Any) -> str | None:
    """Return `value` as text: a string as it is, an object as its JSON; None where there is nothing to say."""
    if value is None or isinstance(value, str):
        return value[:TEXT_CHARACTERS_MAX] if value else None
    return to_json(value).decode()[:TEXT_CHARACTERS_MAX]


def _context(value: Any) -> dict[str, tuple[str, ...]]:
    """Return the context's keys with their values as texts; a lone value counts as a list of one."""
    if not isinstance(value, dict):
        return {}
    kept = list(value.items())[:CONTEXT_KEYS_MAX]
    return {str(key): _texts(item if isinstance(item, list) else [item]) for key, item in kept}


def _texts(items: Iterable[Any]) -> tuple[str, ...]:
    return tuple(text for text in map(_text, items) if text is not None)


def _objects(value: Any) -> list[Any]:
    """Return the objects among the items of a list; anything else is no error object."""
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)][:ERRORS_MAX]


def _count(value: Any) -> int | None:
    """Return a count that is one; anything else says nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


SoftText = Annotated[str | None, BeforeValidator(_text)]
SoftCount = Annotated[int | None, BeforeValidator(_count)]
SoftContext = Annotated[dict[str, tuple[str, ...]], BeforeValidator(_context)]


class DetailModel(BaseModel):
    """An error without errors of its own."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    message: SoftText = None
    category: SoftText = Field(default=None, validation_alias=AliasChoices("category", "errorType"))
    sub_category: SoftText = Field(default=None, alias="subCategory")
    code: SoftText = None
    field: SoftText = Field(default=None, alias="in")
    context: SoftContext = {}
    correlation_id: SoftText = Field(default=None, alias="correlationId")
    policy_name: SoftText = Field(default=None, alias=POLICY_NAME)

    def remote(self, parent: "DetailModel | None" = None) -> RemoteError:
        """Return the model's value; what a detail does not say itself it takes from its parent."""
        context = dict(self.context)
        if self.field:
            context.setdefault("propertyName", (self.field,))
        if self.policy_name:
            context[POLICY_NAME] = (self.policy_name,)
        return RemoteError(
            message=self.message or "HubSpot gives no message",
            category=self.category or (parent.category if parent else None),
            sub_category=self.sub_category,
            code=self.code,
            context=context,
            correlation_id=self.correlation_id or (parent.correlation_id if parent else None),
        )


class ErrorModel(DetailModel):
    """An error with the details it may hold."""

    errors: Annotated[tuple[DetailModel, ...], BeforeValidator(_objects)] = ()


SoftErrors = Annotated[tuple[ErrorModel, ...], BeforeValidator(_objects)]


def flatten(errors: Iterable[ErrorModel]) -> tuple[RemoteError, ...]:
    """Return each error followed by its details, at most `ERRORS_MAX` in all."""
    return tuple(remote for remote, _ in zip(_each(errors), range(ERRORS_MAX), strict=False))


def _each(errors: Iterable[ErrorModel]) -> Iterator[RemoteError]:
    for error in errors:
        yield error.remote()
        for detail in error.errors:
            yield detail.remote(error)
