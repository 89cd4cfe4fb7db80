"""Bodies of requests as HubSpot gets them, written apart from the importer's own way."""

from collections.abc import Mapping, Sequence

import orjson


def encode_batch(properties: Sequence[Mapping[str, str]]) -> bytes:
    """Return the body of batch/create for `properties`, one mapping a campaign, in their order."""
    return orjson.dumps({"inputs": [{"properties": of_one} for of_one in properties]})
