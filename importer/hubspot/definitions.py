"""What an account says of the properties of campaigns: names, labels, types, choices. Pure.

`GET /crm/v3/properties/campaigns` lists them. Custom ones leave out `hubspotDefined`.
"""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from importer.hubspot.wire import UnreadableReplyError


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True, populate_by_name=True)


class Option(_Wire):
    """One choice of an enumeration."""

    label: str = ""
    value: str
    hidden: bool = False


class _Modification(_Wire):
    read_only: bool = Field(default=False, alias="readOnlyValue")


class Definition(_Wire):
    """One property of campaigns."""

    name: str = Field(min_length=1)
    label: str = ""
    type: str = "string"  #: string, number, date, datetime, enumeration, bool
    field_type: str = Field(default="text", alias="fieldType")
    options: tuple[Option, ...] = ()
    ours: bool = Field(default=False, alias="hubspotDefined")  #: whether HubSpot made it
    modification: _Modification = Field(default=_Modification(), alias="modificationMetadata")

    @property
    def custom(self) -> bool:
        """Whether the account made it, and its value can be written."""
        return not self.ours and not self.name.startswith("hs_") and not self.modification.read_only


class _Listing(_Wire):
    results: tuple[Definition, ...]


_MANY: Final = TypeAdapter(tuple[Definition, ...])


def parse_definitions(body: bytes) -> tuple[Definition, ...]:
    """Return what a 2xx answer of the list of properties holds; raise `UnreadableReplyError`."""
    try:
        return _Listing.model_validate_json(body).results
    except ValidationError as error:
        raise UnreadableReplyError(f"the list of properties cannot be read: {error.error_count()} errors") from None


def dumped(definitions: Sequence[Definition]) -> list[dict[str, object]]:
    """Return definitions as plain JSON values, which `loaded` takes back."""
    made: list[dict[str, object]] = _MANY.dump_python(tuple(definitions), mode="json", by_alias=True)
    return made


def loaded(value: object) -> tuple[Definition, ...]:
    """Return the definitions in plain JSON values; raise `UnreadableReplyError`."""
    try:
        return _MANY.validate_python(value)
    except ValidationError as error:
        raise UnreadableReplyError(
            f"the kept list of properties cannot be read: {error.error_count()} errors"
        ) from None
