"""Everything that is run on this project, each as one nox session: ``nox --list`` tells which there are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
VERSIONS = ("3.11", "3.12", "3.13")
IN_CI = bool(os.environ.get("CI"))
PROBE = "import ssl, sys; print('%d.%d' % sys.version_info[:2], sys.implementation.name)"


def candidates(version: str) -> Iterator[Path]:
    """Where a Python *version* may live, the likeliest first."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        yield Path(sys.executable)
    if on_path := shutil.which(f"python{version}"):
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local/share/uv/python")
    yield from sorted(uv.glob(f"cpython-{version}.*/bin/python"), reverse=True)


def runs_as(version: str, python: Path) -> bool:
    """Whether *python* starts and is what it claims to be.

    A shim of pyenv is on the PATH for every version ever installed, and fails for those not switched on.
    """
    try:
        probe = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0 and probe.stdout.split() == [version, "cpython"]


def installed_pythons() -> dict[str, str]:
    """The interpreter to use for each of `VERSIONS` that this machine has."""
    found = {}
    for version in VERSIONS:
        python = next((path for path in candidates(version) if runs_as(version, path)), None)
        if python is not None:
            found[version] = str(python)
    return found


PYTHONS = installed_pythons()


def install(session: nox.Session, *groups: str, editable: bool = False) -> None:
    """Install the project and the dependency *groups* of pyproject.toml."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    session.install(*(["-e", "."] if editable else ["."]), *nox.project.dependency_groups(project, *groups))


def run_pytest(session: nox.Session, *arguments: str, skips_allowed: bool = False, **environment: str) -> None:
    """Run pytest; fail as well when no test ran, unless all were skipped and *skips_allowed*."""
    report = Path(session.create_tmp()) / "report.xml"
    report.unlink(missing_ok=True)
    # Exit code 5, "no tests collected", fails here like any other; a run in which all were skipped exits with 0.
    session.run("python", "-m", "pytest", f"--junitxml={report}", *arguments, env=environment)
    suites = list(ET.parse(report).getroot().iter("testsuite"))
    skipped = sum(int(suite.get("skipped", 0)) for suite in suites)
    ran = sum(int(suite.get("tests", 0)) for suite in suites) - skipped
    session.log(f"{ran} tests ran, {skipped} were skipped")
    if not ran and not (skipped and skips_allowed):
        session.error("no test ran")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types: mypy strictly on everything, pyright on what users see."""
    install(session, "types")
    session.run("mypy")
    session.run("pyright")
    # Every public name has a complete type, as a user's type checker sees the installed package.
    session.run("pyright", "--verifytypes", "transfer", "--ignoreexternal")
    # A program that is typed against another library finds the same types once its import is changed.
    for program, original, ours in (
        ("mail_program", "aiosmtplib", "transfer.smtp"),
        ("files_program", "aioftp", "transfer.ftp"),
    ):
        there, here = ROOT / f"tests/typing/{program}.py", Path(session.create_tmp()) / f"{program}_here.py"
        before, imports, after = there.read_text("utf-8").partition(f"\nimport {original}\n")
        if not imports:
            session.error(f"{there} does not import {original}")
        after = f"\n{after}".replace(f"\nfrom {original}.", f"\nfrom {ours}.")
        here.write_text(f"{before}\nimport {ours} as {original}{after}", "utf-8")
        session.run("mypy", str(here))
        session.run("pyright", str(there), str(here))


if PYTHONS:

    @nox.session
    @nox.parametrize("python", [nox.param(path, id=version) for version, path in PYTHONS.items()])
    def tests(session: nox.Session) -> None:
        """Run the tests on this Python, each async test on asyncio, uvloop and trio."""
        for version in sorted(set(VERSIONS) - set(PYTHONS)):
            session.log(f"Python {version} is not installed and is left out")
        install(session, "test")
        run_pytest(session, "-m", "not interop", "--numprocesses=auto", "--maxprocesses=4", *session.posargs)

else:

    @nox.session
    def tests(session: nox.Session) -> None:
        """Say that no Python was found to run the tests on."""
        session.error(f"none of Python {', '.join(VERSIONS)} is installed")


@nox.session
def interop(session: nox.Session) -> None:
    """Talk to real servers and clients; with CI set and as root, install those missing, and take no skip."""
    install(session, "test")
    # One process: some of the servers run once per machine. TRANSFER_INTEROP=require turns every skip into a failure.
    arguments = session.posargs or ["tests/interop"]
    if not IN_CI:
        run_pytest(session, *arguments, skips_allowed=True)
        return
    session.run("sh", "tests/interop/install.sh", external=True)
    run_pytest(session, *arguments, TRANSFER_INTEROP="require")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Run the property tests, which Hypothesis marks as its own, with fifty times the examples."""
    install(session, "test")
    marked = ("-m", "hypothesis and not interop")
    run_pytest(session, *marked, "--hypothesis-profile=fuzz", "--timeout=3600", "--numprocesses=auto", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which lines and branches the tests reach."""
    install(session, "test", editable=True)
    session.run("coverage", "run", "-m", "pytest", "-m", "not interop", *session.posargs)
    session.run("coverage", "report")


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks, each against its peers in one run, and publish them; a target that is missed fails."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks", *(session.posargs or ["run"]))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a broken link or an undocumented reference fails."""
    install(session, "docs", editable=True)
    session.run("mkdocs", *(session.posargs or ["build", "--strict"]))


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel and check what a package index would make of them."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), "release"))
    dist = Path(session.create_tmp()) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist))
    session.run("twine", "check", "--strict", *map(str, sorted(dist.iterdir())))
