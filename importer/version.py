"""The version of this importer."""

from importlib.metadata import PackageNotFoundError, version


def _version() -> str:
    try:
        return version("campaign-importer")
    except PackageNotFoundError:  # a checkout that was not installed
        return "0+unknown"


VERSION = _version()
