"""The benchmarks of FTP: whom they compare with whom, and what their servers and programs are."""

from __future__ import annotations

import ftplib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import ftp, ftp_endurance, ftp_listing, ftp_tree
from benchmarks.children import HOST, free_port, python_peer
from benchmarks.ftp_servers import PLAIN, TLS, Server
from benchmarks.model import Series, Target

LOOPS = ("asyncio", "uvloop", "trio")


def series(case: str, contestant: str, value: float, *, cpu: float = 1, peak_mib: float | None = None) -> Series:
    peaks = () if peak_mib is None else (peak_mib,)
    return Series(case=case, contestant=contestant, unit="MB/s", values=(value, value), cpu=(cpu,), peak_mib=peaks)


def by_key(*each: Series) -> ftp.Found:
    return {(one.case, one.contestant): one for one in each}


def known(targets: Iterator[Target]) -> dict[str, float]:
    return {target.what: target.reached for target in targets if target.reached is not None}


# -- Who is compared with whom ----------------------------------------------------------------------------------------


def test_a_file_is_compared_with_the_best_setting_of_each_peer() -> None:
    found = by_key(
        series("download, plain, vsftpd", "transfer, trio", 12),
        series("download, plain, vsftpd", "ftplib, 256 KiB", 6),
        series("download, plain, vsftpd", "ftplib, default blocks", 3),
        series("download, plain, vsftpd", "curl", 4),
        series("download, plain, vsftpd", "aioftp, default blocks, asyncio", 2),
        series("upload, plain, vsftpd", "transfer, trio", 12, cpu=2),
        series("upload, plain, vsftpd", "transfer, asyncio", 1, cpu=2),
        series("upload, plain, vsftpd", "curl", 8, cpu=4),
        series("upload, plain, vsftpd", "lftp", 10, cpu=8),
        series("download, TLS, vsftpd", "transfer, uvloop", 9),
        series("download, TLS, vsftpd", "ftplib, default blocks", 6),
    )

    assert known(ftp.compare(found)) == {
        "download, plain, vsftpd, trio: speed against ftplib": 2,
        "download, plain, vsftpd, trio: speed against curl": 3,
        "download, plain, vsftpd, trio: speed against aioftp": 6,
        "upload, plain, vsftpd, trio: speed against the best": 1.2,
        "upload, plain, vsftpd, trio: CPU time against the best": 0.25,
        "upload, plain, vsftpd, asyncio: speed against the best": 0.1,
        "upload, plain, vsftpd, asyncio: CPU time against the best": 0.25,
        "download, TLS, vsftpd, uvloop: speed against ftplib": 1.5,
    }


def test_small_files_are_compared_at_the_same_number_of_connections() -> None:
    found = by_key(
        series("upload, 1 connection", "transfer, trio", 40),
        series("upload, 1 connection", "aioftp", 10),
        series("upload, 1 connection", "lftp", 20),
        series("upload, 8 connections", "transfer, trio", 90),
        series("upload, 8 connections", "lftp", 180),
    )

    assert known(ftp_tree.compare(found)) == {
        "upload, 1 connection, trio: speed against aioftp": 4,
        "upload, 1 connection, trio: speed against lftp": 2,
        "upload, 8 connections, trio: speed against lftp": 0.5,
    }


def test_a_listing_is_compared_on_the_same_loop_and_its_memory_with_that_of_a_tenth() -> None:
    found = by_key(
        series("all", "transfer, entries, uvloop", 9, peak_mib=3),
        series("a tenth", "transfer, entries, uvloop", 9, peak_mib=2.5),
        series("all", "aioftp, uvloop", 3),
        series("all", "aioftp, asyncio", 1),
        series("all", "transfer, list, trio", 5, peak_mib=3),
    )

    assert known(ftp_listing.compare(found)) == {
        "entries, uvloop: speed against aioftp": 3,
        "entries, uvloop: peak memory above that of a tenth of the entries": 0.5,
        "list, trio: speed against aioftp": 5,
    }


def test_endurance_holds_the_highest_peak_and_the_worst_lateness() -> None:
    peaks = [series("download, unlimited: peak MiB", "transfer, trio", 3)]
    late = [series("download, unlimited: ms late", "transfer, trio", 21)]

    targets = list(ftp_endurance.compare(peaks, late))

    assert [(each.what, each.reached, each.is_held) for each in targets] == [
        ("download, unlimited: peak MiB, trio", 3, True),
        ("download, unlimited: ms late, trio", 21, False),
    ]


def test_every_case_has_us_on_each_loop_and_no_contestant_twice(tmp_path: Path) -> None:
    def names(kind: str) -> list[str]:
        server = Server(name="vsftpd", kind=kind, port=21, root=tmp_path, authority=None)
        site = ftp.Site(server=server, source=tmp_path / "source", local=tmp_path)
        return [each.name for each in ftp.contestants(site, "download")]

    tree = ftp_tree.Site(server=Server(name="", kind=PLAIN, port=21, root=tmp_path, authority=None), local=tmp_path)
    for found in (
        names(PLAIN),
        names(TLS),
        [each.name for each in ftp_tree.contestants(tree, "upload", ftp_tree.ONE)],
        [each.name for each in ftp_tree.contestants(tree, "upload", ftp_tree.MANY)],
    ):
        assert len(set(found)) == len(found)
        assert {f"transfer, {loop}" for loop in LOOPS} <= {*found}


# -- Peers ------------------------------------------------------------------------------------------------------------


def test_listing_server_lists_as_many_entries_as_it_is_told() -> None:
    with python_peer("listing_server", "300") as port, ftplib.FTP() as client:
        client.connect(HOST, port)
        client.login()
        entries = list(client.mlsd("/"))

    assert len({name for name, _ in entries}) == len(entries) == 300
    assert all(facts["type"] == "file" and facts["size"].isdigit() for _, facts in entries)


@pytest.mark.skipif(sys.platform != "linux", reason="only there all of 127/8 is this machine")
def test_a_server_behind_the_proxy_is_reached_under_the_same_ports_of_another_address(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 5000)
    port = free_port()
    ports = [str(port + 1), str(port + 8)]
    server = python_peer(
        "ftp_server", str(tmp_path), "--port", str(port), "--told-address", "127.0.0.2", "--data-ports", *ports
    )
    received = io.BytesIO()
    with server as near, python_peer("delay", str(near), "0.001", "127.0.0.2", *ports), ftplib.FTP() as client:
        client.connect("127.0.0.2", near)
        client.login()
        client.retrbinary("RETR file", received.write)

    assert received.getvalue() == b"x" * 5000
