"""JSON Lines → rows: one object a line, blank lines skipped."""

from collections.abc import Iterator

from importer.model import Problem, Rejection, Row
from importer.sources.gathering import Gathering
from importer.sources.json_values import Limits, Malformed, load_object
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
        gathering = self._gathering
        name, exact, policy = gathering.name, gathering.exact, gathering.policy
        limits = Limits(policy.digits_max, policy.nesting_max)
        rows_max, bytes_max = policy.chunk_rows, policy.chunk_bytes
        line, offset, new = block.line, block.offset, tuple.__new__
        until = offset + bytes_max
        for raw in block.raw.split(b"\n"):
            line += 1
            loaded = load_object(raw, limits) if raw else None
            if isinstance(loaded, dict):
                # Straight to the tuple: the named constructor costs as much again as the parsing.
                row = (name, gathering.ordinal, line, offset if exact else None, loaded, None)
                gathering.rows.append(new(Row, row))
                gathering.ordinal += 1
            elif loaded is not None and raw.strip(b" \t\r"):
                self._reject(raw, line - 1, offset, loaded)
            offset += len(raw) + 1
            if offset >= until or len(gathering.rows) >= rows_max:
                yield gathering.take()
                until = offset + bytes_max

    def _reject(self, raw: bytes, line: int, offset: int, found: tuple[Problem, ...] | Malformed) -> None:
        if found.undecodable if isinstance(found, Malformed) else found[0].code == "undecodable":
            found = (self._gathering.undecodable(raw, offset),)
        elif isinstance(found, Malformed):
            found = (Problem("invalid_json", f"{found.reason} at byte {found.at + 1} of the line"),)
        self._gathering.reject_raw(line, offset, raw, *found)
