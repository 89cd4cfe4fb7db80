"""Every small change that can be made to a module, one at a time: what a test suite is to notice.

Comparisons, and/or, arithmetic, numbers, words and enum members become others; conditions are negated; members of a
display and operands of a condition are left out; calls, assignments to attributes and raises are deleted; a return
gives None. Left alone: docstrings, annotations, decorators, asserts, patterns, f-strings and sentences for people.
"""

import ast
import copy
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

_COMPARE: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_FLIPPED: Final = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_CALLS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
_SIMPLE: Final = (ast.Attribute, ast.Call, ast.Constant)  # a display of only these may lose a member


class Mutant(NamedTuple):
    """The bytes from `start` to `end` of a module's source become `new`."""

    line: int
    start: int
    end: int
    new: str

    def applied(self, source: bytes) -> bytes:
        """Return the source with the change."""
        return source[: self.start] + self.new.encode() + source[self.end :]


def mutants(source: bytes) -> list[Mutant]:
    """Return all mutants of a module, from its first line to its last; two never make the same text."""
    found = sorted(_Finder(source).all())
    return list({one.applied(source): one for one in found}.values())


class _Finder:
    """Finds the mutants of one module."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._tree = ast.parse(source)
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._members: dict[str, set[str]] = defaultdict(set)  # enum → its members that the module names
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr.isupper():
                self._members[node.value.id].add(node.attr)

    def all(self) -> Iterator[Mutant]:
        yield from self._below(self._tree)

    def _below(self, node: ast.AST) -> Iterator[Mutant]:
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list", "pattern"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not _left_alone(child):
                    yield from self._of(child)
                    yield from () if _is_number(child) else self._below(child)

    def _of(self, node: ast.AST) -> Iterator[Mutant]:
        match node:
            case ast.Compare():
                yield from self._compare(node)
            case ast.BoolOp(op=op, values=values):
                other = ast.Or() if isinstance(op, ast.And) else ast.And()
                yield self._other(node, ast.BoolOp(other, values))
                for out in range(len(values)):
                    rest = [value for at, value in enumerate(values) if at != out]
                    yield self._other(node, rest[0] if len(rest) == 1 else ast.BoolOp(op, rest))
            case ast.BinOp(left=left, op=sign, right=right) | ast.AugAssign(target=left, op=sign, value=right):
                if type(sign) in _ARITHMETIC:
                    swapped = _ARITHMETIC[type(sign)]()
                    if isinstance(node, ast.BinOp):
                        yield self._other(node, ast.BinOp(left, swapped, right))
                    else:
                        yield self._other(node, ast.AugAssign(node.target, swapped, right))
                        yield self._text(node, "pass")
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
                yield self._other(node, operand)
            case ast.Constant(value=constant):
                yield from (self._text(node, text) for text in _other_constants(constant))
            case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
                yield self._text(node.func, _CALLS[name])
            case ast.Attribute(value=ast.Name(id=owner), attr=member) if member.isupper():
                others = sorted(self._members[owner] - {member})
                if others:
                    later = [other for other in others if other > member]
                    yield self._text(node, f"{owner}.{(later or others)[0]}")
            case ast.Set() | ast.Tuple() | ast.List():
                yield from self._left_out(node)
            case ast.comprehension(ifs=tests):
                yield from (mutant for test in tests for mutant in self._negated(test))
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                yield from self._negated(test)
            case ast.stmt():
                yield from self._statement(node)

    def _compare(self, node: ast.Compare) -> Iterator[Mutant]:
        for at, sign in enumerate(node.ops):
            if type(sign) in _COMPARE:
                other = copy.copy(node)
                other.ops = [*node.ops[:at], _COMPARE[type(sign)](), *node.ops[at + 1 :]]
                yield self._other(node, other)

    def _negated(self, test: ast.expr) -> Iterator[Mutant]:
        """Yield the negated condition, unless another change does that already."""
        flipped = isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], _FLIPPED)
        negation = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        if not flipped and not negation and not isinstance(test, ast.Constant):
            yield self._text(test, f"(not ({ast.unparse(test)}))")

    def _left_out(self, node: ast.Set | ast.Tuple | ast.List) -> Iterator[Mutant]:
        """Yield the display without each of its members."""
        items = node.elts
        if (
            isinstance(getattr(node, "ctx", None), ast.Store)
            or len(items) < 2
            or not all(isinstance(item, _SIMPLE) for item in items)
        ):
            return
        for at, item in enumerate(items):
            if len(items) == 2:
                left = copy.copy(node)
                left.elts = [items[1 - at]]
                yield self._text(node, ast.unparse(left))
            elif at:
                yield Mutant(item.lineno, self._span(items[at - 1])[1], self._span(item)[1], "")
            else:
                yield Mutant(item.lineno, self._span(item)[0], self._span(items[1])[0], "")

    def _statement(self, node: ast.stmt) -> Iterator[Mutant]:
        match node:
            case ast.Return(value=ast.expr() as value) if not _is_none(value):
                yield self._text(value, "None")
            case ast.Expr() | ast.Raise() | ast.Delete():
                yield self._text(node, "pass")
            case ast.Assign(targets=targets) if any(
                isinstance(_first(one), ast.Attribute | ast.Subscript) for one in targets
            ):
                yield self._text(node, "pass")
            case ast.Break():
                yield self._text(node, "continue")
            case ast.Continue():
                yield self._text(node, "break")

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr | ast.stmt, new: str) -> Mutant:
        return Mutant(node.lineno, *self._span(node), new)

    def _other(self, node: ast.expr | ast.stmt, new: ast.expr | ast.stmt) -> Mutant:
        text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(new)))
        return self._text(node, text if isinstance(new, ast.stmt) else f"({text})")


def _left_alone(node: ast.AST) -> bool:
    """Tell whether nothing in this node is changed."""
    match node:
        case ast.Assert() | ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Constant()):  # a docstring, or the dots of a protocol
            return True
        case ast.Call(func=ast.Name(id="TypeVar")):
            return True
    return False


def _is_number(node: ast.AST) -> bool:
    """Tell whether it is a number with its sign: that is one thing to change."""
    return isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)


def _other_constants(value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield str(not value)
    elif isinstance(value, int):
        yield f"({value + 1})"
        if value:  # one below 0 is the other end of a list, which of one member is no change
            yield f"({value - 1})"
    elif isinstance(value, float):
        yield f"({2 * value + 1})"
    elif isinstance(value, str) and value and not any(character.isspace() for character in value):
        yield '""'


def _first(target: ast.expr) -> ast.expr:
    return target.elts[0] if isinstance(target, ast.Tuple) else target


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
