"""(being written)"""

from collections.abc import Mapping, Sequence

from importer.model import Failed, Finding, InDoubt, Problem, RemoteError, Returned


def attribute(
    sent_left: Sequence[tuple[int, Mapping[str, str]]],
    errors: Sequence[RemoteError],
    *,
    results_count: int,
    sent_count: int,
    num_errors: int | None,
    unexpected: int,
) -> list[Finding]:
    if unexpected or results_count + (num_errors or len(errors)) != sent_count:
        return [InDoubt(index=i) for i, _ in sent_left]
    if len(sent_left) == 1:
        return [Failed(index=sent_left[0][0], problem=Problem("refused", errors[0].message))]
    return [Returned(index=i) for i, _ in sent_left]


def refused_alone(errors: Sequence[RemoteError], properties: Mapping[str, str], message: str) -> Problem:
    return Problem("refused", message)


def named_by(errors: Sequence[RemoteError], properties: Sequence[Mapping[str, str]]) -> list[int]:
    return []
