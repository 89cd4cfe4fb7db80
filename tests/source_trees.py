"""The source files, each parsed and walked once in a process, however many rules are held against it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import importer

ROOT: Final = Path(__file__).resolve().parents[1]
HOUSE: Final = Path(importer.__file__).resolve().parent  #: the checkout's, or the installed one


class Module(NamedTuple):
    """One source file."""

    path: Path
    name: str  #: dotted, without `importer.`; empty for the package itself

    @property
    def tree(self) -> ast.Module:
        """The file, parsed: not before a test needs it."""
        return _tree(self.path)

    @property
    def shown(self) -> str:
        """The path as people write it."""
        return self.path.relative_to(_base(self.path)).as_posix()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _base(path: Path) -> Path:
    """Return what a path is written relative to: the package may be installed elsewhere than the tests."""
    return HOUSE.parent if path.is_relative_to(HOUSE) else ROOT


def module_of(path: Path) -> Module:
    """Return a file of the house."""
    parts = path.relative_to(_base(path)).with_suffix("").parts[1:]
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(path, name)


@cache
def nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    """Return all that a file is made of."""
    return tuple(ast.walk(tree))


@cache
def _statements(tree: ast.Module) -> tuple[ast.AST, ...]:
    """Return the statements of a file at any depth, which are few next to the expressions in them."""
    found: list[ast.AST] = [tree]
    for one in found:  # it grows as it is read
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(one, part, ())
            found += inner if isinstance(inner, list) else ()
    return tuple(found)


@cache
def imported(tree: ast.Module) -> frozenset[str]:
    """Return the dotted name of everything that is imported, wherever in the file."""
    found = set[str]()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def packages(tree: ast.Module) -> set[str]:
    """Return the top names of what is imported."""
    return {name.split(".")[0] for name in imported(tree)}


def words(tree: ast.Module) -> set[str]:
    """Return the attributes that are used and the names that are imported."""
    used = {node.attr for node in nodes(tree) if isinstance(node, ast.Attribute)}
    return used | {name.rpartition(".")[2] for name in imported(tree)}


def called(tree: ast.Module) -> set[str]:
    """Return the plain names and the attributes that are called."""
    found = [node.func for node in nodes(tree) if isinstance(node, ast.Call)]
    return {f.id for f in found if isinstance(f, ast.Name)} | {f.attr for f in found if isinstance(f, ast.Attribute)}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function, methods and inner ones too."""
    return (node for node in _statements(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
