"""Mirrors with real servers: both sides are alike afterwards, links are left alone, and a second run moves nothing."""

from __future__ import annotations

from pathlib import Path

from tests.interop._files import logged_in, octets, once_each, options, put, put_directory
from tests.interop._servers import FtpServer
from transfer.ftp import ClientPool

NAMES = ["a", "deep/b", "deep/er/c d", ".hidden", "deep/\u00e9"]


def fill(folder: Path) -> dict[str, bytes]:
    """Make the tree of these tests in *folder*, and return its files."""
    files = {name: octets(1000 * place, seed=place + 1) for place, name in enumerate(NAMES)}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "empty").mkdir()
    return files


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@once_each
async def test_trees_are_alike_both_ways_and_then_there_is_nothing_to_do(ftp_server: FtpServer, tmp_path: Path) -> None:
    put_directory(ftp_server, "site")
    here, back = tmp_path / "here", tmp_path / "back"
    here.mkdir()
    files = fill(here)
    async with logged_in(ftp_server) as client:
        report = await client.mirror(here, "site", direction="upload")
        assert report.is_complete, str(report)
        assert files_in(ftp_server.root / "site") == files
        assert (ftp_server.root / "site/empty").is_dir()
        again = await client.plan_mirror(here, "site", direction="upload")
        assert again.is_empty, str(again)
        report = await client.mirror(back, "site")
        assert report.is_complete, str(report)
        assert files_in(back) == files
        assert (back / "empty").is_dir()
        again = await client.plan_mirror(back, "site")
        assert again.is_empty, str(again)


@once_each
async def test_a_pool_makes_trees_alike(ftp_server: FtpServer, tmp_path: Path) -> None:
    put_directory(ftp_server, "site")
    here, back = tmp_path / "here", tmp_path / "back"
    here.mkdir()
    files = fill(here)
    pool = ClientPool(
        ftp_server.host,
        ftp_server.port,
        ftp_server.user,
        ftp_server.password,
        upgrade_to_tls=ftp_server.mode == "explicit",
        size=3,
        **options(ftp_server),
    )
    async with logged_in(ftp_server) as client, pool:
        report = await client.mirror(here, "site", direction="upload", pool=pool)
        assert report.is_complete, str(report)
        report = await client.mirror(back, "site", pool=pool)
        assert report.is_complete, str(report)
        assert files_in(back) == files
        assert (await client.plan_mirror(back, "site")).is_empty


@once_each
async def test_what_changes_goes_over_and_what_vanishes_goes(ftp_server: FtpServer, tmp_path: Path) -> None:
    put_directory(ftp_server, "site")
    fill(tmp_path)
    async with logged_in(ftp_server) as client:
        await client.mirror(tmp_path, "site", direction="upload")
        (tmp_path / "deep/b").write_bytes(b"another size")
        (tmp_path / "a").unlink()
        (tmp_path / "deep/er/c d").unlink()
        (tmp_path / "deep/er").rmdir()
        plan = await client.plan_mirror(tmp_path, "site", direction="upload", delete=True)
        assert [(action.kind.value, action.path) for action in plan.actions] == [
            ("update", "deep/b"),
            ("delete file", "a"),
            ("delete file", "deep/er/c d"),
            ("delete directory", "deep/er"),
        ]
        report = await client.apply(plan)
        assert report.is_complete, str(report)
    assert files_in(ftp_server.root / "site") == files_in(tmp_path)


@once_each
async def test_a_link_on_the_server_is_neither_emptied_nor_written_through(
    ftp_server: FtpServer, tmp_path: Path
) -> None:
    put_directory(ftp_server, "site")
    put_directory(ftp_server, "precious")
    put(ftp_server, "precious/file", b"x")
    # Relative, as a server may have its user's folder for the root.
    (ftp_server.root / "site/way").symlink_to("../precious")
    (tmp_path / "a").write_bytes(b"x")
    async with logged_in(ftp_server) as client:
        report = await client.mirror(tmp_path, "site", direction="upload", delete=True, delete_limit=1)
        assert report.is_complete, str(report)
        (tmp_path / "way").mkdir()
        (tmp_path / "way/new").write_bytes(b"x")
        (ftp_server.root / "site/way").symlink_to("../precious")
        await client.mirror(tmp_path, "site", direction="upload")
    assert files_in(ftp_server.root / "precious") == {"file": b"x"}
    assert (ftp_server.root / "site/way").is_symlink()


@once_each
async def test_links_that_lead_upwards_do_not_make_a_tree_endless(ftp_server: FtpServer, tmp_path: Path) -> None:
    put_directory(ftp_server, "site")
    put(ftp_server, "site/a", b"x")
    (ftp_server.root / "site/loop").symlink_to(".")
    async with logged_in(ftp_server) as client:
        await client.mirror(tmp_path / "copy", "site")
        assert "a" in files_in(tmp_path / "copy")
        assert "loop/loop/a" not in files_in(tmp_path / "copy")
