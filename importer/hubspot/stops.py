"""The sentences and remedies with which an answer of HubSpot ends a run. Pure."""

import re
from typing import Final

from importer.errors import AccessError, InternalError, PausedError, UsageError
from importer.model import RemoteError

_SCOPE_KEYS: Final = ("requiredGranularScopes", "requiredScopes")
_OF_BRANDS: Final = re.compile(r"business[ _-]?unit|\bbrands?\b", re.IGNORECASE)
#: The remedy where nothing comes back.
UNREACHABLE: Final = (
    "Look at the network (a VPN, a proxy, a firewall): importer doctor. Then run the same command again."
)
_AGAIN: Final = "Run the same command again; what was made is not made twice."


def redirected(location: str) -> AccessError:
    """Return the error for a redirect, which is never followed: it would carry the campaigns to another place."""
    place = f" to {location}" if location else ""
    return AccessError(
        f"HubSpot answered with a redirect{place}, which is not followed",
        hint="Check the base URL, and whether a proxy stands in between.",
    )


def unauthorized() -> AccessError:
    """Return the error for a 401."""
    return AccessError(
        "HubSpot does not accept the token (401)",
        hint="Check that the token is whole, of this account and not rotated or expired.",
    )


def missing_scopes(errors: tuple[RemoteError, ...]) -> tuple[str, ...] | None:
    """Return the scopes that a 403 asks for; None when it is no word of HubSpot's about scopes, as a proxy's is not."""
    scopes = {scope for error in errors for key in _SCOPE_KEYS for scope in error.context.get(key, ())}
    told = any(error.category == "MISSING_SCOPES" for error in errors)
    return tuple(sorted(scopes)) if scopes or told else None


def forbidden(errors: tuple[RemoteError, ...]) -> AccessError:
    """Return the error for a 403, with the names of the scopes where HubSpot tells them."""
    scopes = missing_scopes(errors)
    named = f"; it asks for {', '.join(scopes)}" if scopes else ""
    if any(_OF_BRANDS.search(error.message) for error in errors):
        return AccessError(
            f"the token may not use the account's brands (403){named}",
            hint="Leave hs_business_unit_ids out of the mapping, or let the token use brands (an add-on of HubSpot).",
        )
    return AccessError(
        f"the token may not do this (403){named}",
        hint="Give the service key the scopes marketing.campaigns.read and marketing.campaigns.write.",
    )


def not_found() -> AccessError:
    """Return the error for a 404 on a fixed path."""
    return AccessError(
        "HubSpot does not know this address (404)",
        hint="Check the base URL and the API version; the account needs Marketing Hub Professional or higher.",
    )


def untrusted(detail: str) -> AccessError:
    """Return the error for a certificate that is not to be trusted."""
    return AccessError(
        detail,
        hint="Something stands between this machine and HubSpot, or its store of certificate authorities is too old.",
    )


def gone(status: int) -> InternalError:
    """Return the error for an answer which says that this is not how the API is used (any more)."""
    return InternalError(
        f"HubSpot does not take this kind of request (any more) ({status})",
        hint="Update the importer, or choose another API version.",
    )


def question_refused(message: str) -> UsageError:
    """Return the error for a list or a read that HubSpot finds wrong: it names properties the user chose."""
    return UsageError(
        f"HubSpot refuses to list campaigns this way: {message}",
        hint="Check that the properties of the mapping exist in the account and can be read.",
    )


def quota_used() -> PausedError:
    """Return the error for the daily quota."""
    return PausedError(
        "the account's daily quota of requests is used up",
        hint=f"It is renewed at midnight in the account's time zone. {_AGAIN}",
    )


def long_wait(wait_s: float) -> PausedError:
    """Return the error for a wait that is longer than this run wants to sleep."""
    return PausedError(
        f"HubSpot asks to wait {wait_s / 60:,.0f} minutes", hint=f"{_AGAIN[:-1]}, later than that.", wait_s=wait_s
    )


def migrating(wait_s: float | None) -> PausedError:
    """Return the error for an account that moves between data centres."""
    hours = f" for {wait_s / 3600:,.1f} hours" if wait_s else ""
    return PausedError(
        f"HubSpot is moving the account to another data centre and takes nothing{hours}",
        hint=f"Later: {_AGAIN}",
        wait_s=wait_s,
    )
