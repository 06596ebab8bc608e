"""What is shipped and what the README promises about installing it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import transfer

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OPTIONAL = {"aiosmtpd", "pyftpdlib", "python_socks", "rich", "trio", "trustme", "truststore", "typer", "uvloop"}


def quick_start() -> list[list[str]]:
    """The lines of each fenced `sh` block in the README's section *Quick start*."""
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.partition("\n## Quick start\n")[2].partition("\n## ")[0]
    return [block.splitlines() for block in re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of this tree."""
    target = tmp_path_factory.mktemp("dist")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return target


def test_version_is_the_package_s_own(dist: Path) -> None:
    assert [path.name.split("-")[1] for path in dist.glob("*.whl")] == [transfer.__version__]


def test_wheel_holds_the_package_and_nothing_else(dist: Path) -> None:
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        entry_points = wheel.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()

    assert "transfer/py.typed" in names
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"transfer", "transfer_toolkit"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "transfer = transfer.cli:main" in entry_points


def test_sdist_can_run_its_own_tests(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}

    assert {"noxfile.py", "tests/conftest.py", "README.md", "CHANGELOG.md", "LICENSE", ".ci/run"} <= names


def test_import_needs_no_optional_package() -> None:
    """`import transfer` and both protocols load the run-time dependencies only."""
    script = "import sys, transfer, transfer.smtp, transfer.ftp; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert "transfer" in loaded
    assert not OPTIONAL & set(loaded)


def test_runtime_dependencies_are_few() -> None:
    assert [re.split(r"[^\w-]", entry)[0] for entry in PROJECT["project"]["dependencies"]] == [
        "anyio",
        "attrs",
        "idna",
        "scramp",
        "stamina",
    ]


def test_quick_start_is_two_commands_of_one_line() -> None:
    blocks = quick_start()

    assert [len(block) for block in blocks] == [1, 1]


def test_quick_start_commands_bring_their_own_environment() -> None:
    """Each creates the virtual environment itself and runs nothing from outside it."""
    for (line,) in quick_start():
        first, *others = line.split(" && ")
        assert first == "python3 -m venv .venv"
        assert all(shlex.split(other)[0].startswith(".venv/bin/") for other in others)


def test_quick_start_installs_what_exists() -> None:
    extras = [extra for (line,) in quick_start() for extra in re.findall(r"'\.\[(\w+)\]'", line)]

    assert extras == ["demo"]
    assert set(extras) <= set(PROJECT["project"]["optional-dependencies"])


@pytest.mark.skipif(shutil.which("bash") is None, reason="the script is for bash")
def test_ci_takes_its_test_command_from_the_readme() -> None:
    """The script finds the second command, and so runs what readers run."""
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    function = text[text.index("quick_start() {") :].partition("\n}\n")[0] + "\n}\n"
    found = subprocess.run(
        ["bash", "-euc", f"{function}quick_start 2"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert [found.stdout.strip()] == quick_start()[1]
    assert 'command="$(quick_start 2)"' in text


def test_newsfragments_have_known_types() -> None:
    """A fragment of an unknown type would be left out of the changelog without a word."""
    known = {kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]}
    fragments = [path for path in (ROOT / "newsfragments").glob("*.md") if path.name != "README.md"]

    assert {path.name.split(".")[1] for path in fragments} <= known


def test_documents_name_tests_that_exist() -> None:
    """Where a page says which test holds a promise, there is such a test."""
    missing = []
    for page in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for path, _, name in re.findall(r"`(tests/[\w/]+\.py)(::(\w+))?`", page.read_text("utf-8")):
            file = ROOT / path
            if not file.exists() or (name and f"def {name}(" not in file.read_text("utf-8")):
                missing.append(f"{page.relative_to(ROOT)}: {path}::{name}")

    assert not missing, "\n".join(missing)
