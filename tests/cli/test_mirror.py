"""``transfer mirror``, as a user types it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.peers import MiniFTP
from transfer.cli._app import app


@pytest.fixture
def server() -> Iterator[MiniFTP]:
    with MiniFTP(files={"/pub/a": b"one", "/pub/d/b": b"two"}, users={"me": "s3/cret"}) as server:
        yield server


def run(*arguments: object, password: str | None = "s3/cret") -> Result:
    words = ["mirror", *map(str, arguments)]
    return CliRunner(env={"FTP_PASSWORD": password}).invoke(app, words, catch_exceptions=False)


def url(server: MiniFTP, *, password: str = "", path: str = "pub") -> str:
    return f"ftp://me{password}@{server.host}:{server.port}/{path}"


def test_a_url_first_is_a_download(server: MiniFTP, tmp_path: Path) -> None:
    result = run(url(server), tmp_path / "copy")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "done + ./",
        "done + d/",
        "done + a (3 B)",
        "done + d/b (3 B)",
        "done: 4",
    ]
    assert (tmp_path / "copy/d/b").read_bytes() == b"two"


def test_a_url_last_is_an_upload(server: MiniFTP, tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"1")
    (tmp_path / "new.tmp").write_bytes(b"1")
    result = run(tmp_path, url(server), "--delete", "--delete-limit", "1", "--exclude", "*.tmp", "--exclude", "d")
    assert result.exit_code == 0
    assert server.files == {"/pub/new": b"1", "/pub/d/b": b"two"}


def test_several_files_go_over_at_once(server: MiniFTP, tmp_path: Path) -> None:
    server.files |= {f"/pub/{number}": b"x" for number in range(8)}
    result = run(url(server), tmp_path, "--parallel", "3")
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "done: 11"
    assert server.commands.count("USER me") > 2


@pytest.mark.parametrize("option", ["--dry-run", "--json"])
def test_a_dry_run_prints_the_plan_and_does_nothing(server: MiniFTP, tmp_path: Path, option: str) -> None:
    result = run(url(server), tmp_path / "copy", option)
    assert result.exit_code == 0
    if option == "--json":
        assert len(json.loads(result.output)["actions"]) == 4
    else:
        assert result.output.splitlines()[-1] == "files: 2 (6 B), directories: 2, deletions: 0, skipped: 0"
    assert not (tmp_path / "copy").exists()


def test_what_fails_is_said_and_makes_the_status_1(server: MiniFTP, tmp_path: Path) -> None:
    server.replies["RETR"] = lambda path: "550 no" if path == "a" else None
    result = run(url(server), tmp_path)
    assert result.exit_code == 1
    assert "failed + a (3 B): RETR a was answered 550 no" in result.stderr
    assert result.stdout.splitlines()[-1] == "done: 2, failed: 1"


@pytest.mark.parametrize(
    ("arguments", "about"),
    [
        (("here", "there"), "one of both is a URL"),
        (("ftp://a/", "ftps://b/"), "one of both is a URL"),
        (("ftp://127.0.0.1:1/", "here"), "127.0.0.1:1"),
        (("ftp://", "here"), "ftp://"),
        (("ftp://127.0.0.1:1/", "here", "--compare", "smell"), "127.0.0.1:1"),
    ],
)
def test_an_error_is_one_line(arguments: tuple[str, ...], about: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("transfer mirror: ")
    assert about in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_password_in_the_url_goes_first(server: MiniFTP, tmp_path: Path) -> None:
    assert run(url(server, password=":s3%2Fcret"), tmp_path, password="another").exit_code == 0
    assert run(url(server), tmp_path, password="another").exit_code == 1
