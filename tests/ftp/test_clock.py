"""The server's clock, as LIST shows it, and UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.ftp.support import HELLO, answer, binary, connected, deliver, passive
from tests.peers import ScriptedPeer, Step, expect_eof
from transfer import ftp


def listed(clock: str, *, name: str = "d") -> tuple[Step, ...]:
    return deliver(b"LIST x", f"-rw-r--r-- 1 o g 3 {clock} x\r\n".encode(), name=name)


FILE = answer(b"SIZE x", b"213 3")


@pytest.mark.parametrize(
    ("clock", "mdtm", "hours"),
    [
        ("2024-01-02 03:04", "20240102030459", 0),
        ("2024-01-02 05:04", "20240102030459.123", 2),
        ("2024-01-01 19:04", "20240102030400", -8),
        ("2024-01-02 08:49", "20240102030459", 5.75),
        ("2024-01-02 17:05", "20240102030459", 14),
        ("2024-01-02 05:04:59.0 +0200", "20240102030459", 0),
    ],
)
async def test_it_is_the_difference_of_list_and_mdtm(peer: ScriptedPeer, clock: str, mdtm: str, hours: float) -> None:
    mdtm_reply = answer(b"MDTM x", f"213 {mdtm}".encode())
    peer.script(
        HELLO, *binary(), *listed(clock), *FILE, *mdtm_reply, *listed("2024-01-02 12:00", name="e"), *FILE, expect_eof()
    )
    peer.script(HELLO, *binary(), *listed("2024-01-02 12:00"), *FILE, expect_eof())
    client = await connected(peer)
    offset = timedelta(hours=hours)
    assert await client.find_clock_offset("x") == offset
    expected = datetime(2024, 1, 2, 12, tzinfo=UTC) - offset
    (entry,) = await client.entries("x", raw_command="LIST")
    assert entry.modify == expected
    profile = client.profile
    client.close()
    assert profile.clock_offset == offset
    client = await connected(peer, profile=profile)
    (entry,) = await client.entries("x", raw_command="LIST")
    assert entry.modify == expected
    client.close()


@pytest.mark.parametrize("clock", ["Jan  2  2024", "2024-01-02 "])
async def test_a_day_is_not_enough(peer: ScriptedPeer, clock: str) -> None:
    peer.script(HELLO, *binary(), *listed(clock), *FILE, *answer(b"NOOP", b"200 ok"), expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.FTPNotSupported, match="minute"):
        await client.find_clock_offset("x")
    await client.command("NOOP", "200")
    client.close()


async def test_times_that_are_days_apart_are_of_two_files(peer: ScriptedPeer) -> None:
    mdtm = answer(b"MDTM x", b"213 20240202030459")
    peer.script(HELLO, *binary(), *listed("2024-01-02 03:04"), *FILE, *mdtm, expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.FTPNotSupported, match="2024-02-02"):
        await client.find_clock_offset("x")
    assert client.profile.clock_offset == timedelta()
    client.close()


@pytest.mark.parametrize(("reply", "error"), [("502 no", ftp.StatusCodeError), ("213 soon", ftp.FTPProtocolError)])
async def test_a_server_that_does_not_say_it_is_an_error(
    peer: ScriptedPeer, reply: str, error: type[Exception]
) -> None:
    mdtm = answer(b"MDTM x", reply.encode())
    peer.script(HELLO, *binary(), *listed("2024-01-02 03:04"), *FILE, *mdtm, expect_eof())
    client = await connected(peer)
    with pytest.raises(error):
        await client.find_clock_offset("x")
    assert client.is_connected is (error is ftp.StatusCodeError)
    client.close()


async def test_a_file_that_is_not_there_is_an_error(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *binary(), *passive(), *answer(b"LIST x", b"550 no"), expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.StatusCodeError):
        await client.find_clock_offset("x")
    client.close()
