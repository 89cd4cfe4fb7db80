"""What the rules ask of source files: each is parsed and walked once, and its tree is not kept."""

import ast
import gc
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import importer

ROOT: Final = Path(__file__).resolve().parents[1]
HOUSE: Final = Path(importer.__file__).resolve().parent  #: the checkout's, or the installed one


class Function(NamedTuple):
    """A function, a method or an inner one."""

    name: str
    lines: int
    docstring: str | None


class Facts(NamedTuple):
    """What is found in one file, wherever in it."""

    docstring: str | None
    imported: frozenset[str]  #: the dotted name of everything that is imported
    functions: tuple[Function, ...]
    attributes: frozenset[str]  #: that are used
    called: frozenset[str]  #: plain names and attributes
    waits: tuple[int, ...]  #: the lines where something is awaited; an interface may be declared async

    @property
    def packages(self) -> set[str]:
        """The top names of what is imported."""
        return {name.split(".")[0] for name in self.imported}

    @property
    def words(self) -> set[str]:
        """The attributes that are used and the names that are imported."""
        return {*self.attributes, *(name.rpartition(".")[2] for name in self.imported)}


class Module(NamedTuple):
    """One source file."""

    path: Path
    name: str  #: dotted, without `importer.`; empty for the package itself

    @property
    def facts(self) -> Facts:
        """What is in it: not before a test needs it."""
        return _facts(self.path)

    @property
    def shown(self) -> str:
        """The path as people write it."""
        return self.path.relative_to(_base(self.path)).as_posix()


@cache
def _facts(path: Path) -> Facts:
    gc.disable()  # a tree is many objects, none of them garbage
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        return _found(tree, list(ast.walk(tree)))
    finally:
        gc.enable()


def _found(tree: ast.Module, nodes: list[ast.AST]) -> Facts:
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    names = {node.id for node in calls if isinstance(node, ast.Name)}
    return Facts(
        docstring=ast.get_docstring(tree),
        imported=_imported(nodes),
        functions=tuple(
            Function(f.name, (f.end_lineno or 0) - f.lineno + 1, ast.get_docstring(f)) for f in functions
        ),
        attributes=frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute)),
        called=frozenset(names | {node.attr for node in calls if isinstance(node, ast.Attribute)}),
        waits=tuple(node.lineno for node in nodes if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)),
    )  # fmt: skip


def _imported(nodes: list[ast.AST]) -> frozenset[str]:
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _base(path: Path) -> Path:
    """Return what a path is written relative to: the package may be installed elsewhere than the tests."""
    return HOUSE.parent if path.is_relative_to(HOUSE) else ROOT


def module_of(path: Path) -> Module:
    """Return a file of the house."""
    parts = path.relative_to(_base(path)).with_suffix("").parts[1:]
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(path, name)
