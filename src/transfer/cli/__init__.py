"""The ``transfer`` command (extra ``cli``)."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; without its packages, say which extra brings them and end with status 1."""
    try:
        from transfer.cli._app import app
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.startswith("transfer"):
            raise
        print(f"transfer needs {exc.name}: pip install 'transfer-toolkit[cli]'", file=sys.stderr)
        raise SystemExit(1) from None
    app()
