"""Sources whose library is not installed."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from importer.errors import UsageError
from tests.sources.workbooks import table

Read = Callable[..., Any]


@pytest.mark.parametrize(
    ("module", "source", "needs"),
    [
        ("python_calamine", table([["a"], ["x"]]), ("XLSX", "excel")),
        ("pyarrow", b"PAR1....PAR1", ("Parquet", "parquet")),
        ("fsspec", "s3://bucket/x.csv", ("s3://", "remote")),
        ("gcsfs", "gs://bucket/x.csv", ("gs://", "remote")),
        ("adlfs", "az://container/x.csv", ("az://", "remote")),
    ],
)
def test_the_extra_is_named(
    read: Read, monkeypatch: pytest.MonkeyPatch, module: str, source: bytes | str, needs: tuple[str, str]
) -> None:
    """The message says what needs which extra, and the hint is the command that installs it."""
    monkeypatch.setitem(sys.modules, module, None)
    error = read(source).error
    assert isinstance(error, UsageError)
    what, extra = needs
    assert error.message == f'{what} needs the extra "{extra}"'
    assert error.hint == f"Install it: pip install 'campaign-importer[{extra}]'"


def test_text_needs_no_extra(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any extra, the formats of text are read as ever."""
    for module in ("python_calamine", "pyarrow", "fsspec"):
        monkeypatch.setitem(sys.modules, module, None)
    assert read(b"a,b\n1,2\n").cells == [{"a": "1", "b": "2"}]
