"""The command line's commands."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from transfer import __version__

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Mail and files, under asyncio and trio.")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"transfer {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    size: Annotated[int, typer.Option(help="Size of the file that goes over FTPS, in MiB.", min=1)] = 64,
) -> None:
    """Send mail and move a file over TLS on this machine, under asyncio and then under trio.

    Starts an SMTP server and an FTP server on loopback. The exit status is 0 only if every check held.
    """
    try:
        from transfer.cli._demo.run import run_demo
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.startswith("transfer"):
            raise
        typer.echo(f"the demo needs {exc.name}: pip install 'transfer-toolkit[demo]'", err=True)
        sys.exit(1)
    sys.exit(0 if run_demo(size * 1024 * 1024) else 1)
