"""A module is hidden from what is imported meanwhile, and from nobody afterwards."""

import subprocess
import sys
from importlib import import_module

import pytest

from importer.hiding import hidden


def test_a_hidden_module_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be imported inside, and can be afterwards; one that is loaded already is left alone."""
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with hidden("this"), pytest.raises(ImportError):
        import_module("this")
    assert "this" not in sys.modules
    with hidden("sys"):
        assert import_module("sys") is sys


def test_the_log_loads_no_console() -> None:
    """Structlog comes without rich, which others may load later."""
    code = "import importer.logs, sys; assert 'rich' not in sys.modules; import rich"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
