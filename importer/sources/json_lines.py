"""JSON Lines → rows: one object a line, blank lines skipped."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, count, repeat

from importer.model import Problem, Rejection, Row
from importer.sources.gathering import Gathering
from importer.sources.json_values import Limits, Malformed, load_flat, load_object
from importer.sources.lines import Block, LongLine


class JsonLinesReader:
    """Reads the rows of a JSON Lines source."""

    def __init__(self, blocks: Iterator[Block | LongLine], gathering: Gathering) -> None:
        """Take the line blocks and the place for rows."""
        self._blocks = blocks
        self._gathering = gathering
        self.columns: tuple[str, ...] | None = None

    def chunks(self) -> Iterator[list[Row | Rejection]]:
        """Yield full chunks; what is left stays in the gathering. Raises `SourceError`."""
        for block in self._blocks:
            if isinstance(block, LongLine):
                problem = self._gathering.too_long(block.length)
                self._gathering.reject_raw(block.line, block.offset, block.prefix, problem)
                if self._gathering.full:
                    yield self._gathering.take()
            else:
                yield from self._block(block)

    def _block(self, block: Block) -> Iterator[list[Row | Rejection]]:
        gathering, policy = self._gathering, self._gathering.policy
        lines = block.raw.removesuffix(b"\n").split(b"\n")
        offsets = list(accumulate((len(raw) + 1 for raw in lines), initial=block.offset))
        at = 0
        while at < len(lines):
            room = max(1, policy.chunk_rows - len(gathering.rows))
            end = min(at + room, max(at + 1, bisect_right(offsets, offsets[at] + policy.chunk_bytes) - 1))
            self._lines(lines[at:end], block.line + at, offsets[at:end])
            at = end
            if at < len(lines) or gathering.full:
                yield gathering.take()

    def _lines(self, lines: Sequence[bytes], first: int, offsets: Sequence[int]) -> None:
        """Take lines, of which the first has the 0-based index `first`: all at once where nothing is odd."""
        gathering = self._gathering
        limits = Limits(gathering.policy.digits_max, gathering.policy.nesting_max)
        flat = load_flat(lines)
        if flat is not None:
            places: Iterable[int | None] = offsets if gathering.exact else repeat(None)
            fields = repeat(gathering.name), count(gathering.ordinal), count(first + 1), places, flat, repeat(None)
            # Straight to the tuples: the named constructor costs as much again.
            gathering.rows += map(tuple.__new__, repeat(Row), zip(*fields, strict=False))
            gathering.ordinal += len(flat)
            return
        for line, (raw, offset) in enumerate(zip(lines, offsets, strict=True), first):
            loaded = load_object(raw, limits) if raw else None
            if isinstance(loaded, dict):
                gathering.accept(line, offset, loaded)
            elif loaded is not None and raw.strip(b" \t\r"):
                self._reject(raw, line, offset, loaded)

    def _reject(self, raw: bytes, line: int, offset: int, found: tuple[Problem, ...] | Malformed) -> None:
        if found.undecodable if isinstance(found, Malformed) else found[0].code == "undecodable":
            found = (self._gathering.undecodable(raw, offset),)
        elif isinstance(found, Malformed):
            found = (Problem("invalid_json", f"{found.reason} at byte {found.at + 1} of the line"),)
        self._gathering.reject_raw(line, offset, raw, *found)
