"""Asking for a checksum, cancelled wherever it is suspended and cut off after every octet."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import attrs
import pytest

from tests.ftp.support import HELLO, answer, binary, connected
from tests.harness import CutOutcome, Outcome, cancel_everywhere, cut_everywhere
from tests.peers import MiniFTP, ScriptedPeer, Step, expect_eof
from transfer import ftp

SHA256 = ftp.Checksum("SHA-256", "0123456789abcdef" * 4)
MD5 = ftp.Checksum("MD5", "0123456789abcdef" * 2)
CRC = ftp.Checksum("CRC32", "01234567")


@attrs.define
class Subject:
    """A client that is logged in, and its server."""

    client: ftp.Client
    server: MiniFTP


@contextlib.asynccontextmanager
async def hashing() -> AsyncIterator[Subject]:
    with MiniFTP(files={"/file": b"x"}, features=("HASH SHA-256*;MD5",), client_may_leave=True) as server:

        def reply(path: str) -> str:
            # What the connection has selected: a new one begins anew.
            last = next(line for line in reversed(server.commands) if line.startswith(("USER", "OPTS")))
            checksum = MD5 if last == "OPTS HASH MD5" else SHA256
            return f"213 {checksum.algorithm} 0-1 {checksum.digits} {path}"

        server.replies["HASH"] = reply
        client = await connected(server)
        try:
            await client.login()
            yield Subject(client, server)
        finally:
            client.close()


async def in_step_or_closed(outcome: Outcome) -> None:
    client, server = outcome.subject.client, outcome.subject.server
    if not client.is_connected:
        await client.connect(server.host, server.port)
        await client.login()
    assert await client.command("NOOP", "xxx") == ("200", [" ok"])
    # The server is believed to have selected no more than what it has agreed to.
    assert await client.checksum("file", "MD5") == MD5
    assert await client.checksum("file", "SHA-256") == SHA256


async def test_a_cancelled_checksum_leaves_the_client_in_step_or_closed() -> None:
    await cancel_everywhere(
        lambda subject: subject.client.checksum("file", "md5"),
        around=hashing,
        check=in_step_or_closed,
        clean_up_points=2,
    )


OLDER = ("XCRC", answer(b"XCRC file", b'250 "file" 01234567'), CRC)
BY_HASH = (
    "HASH MD5",
    (
        *answer(b"OPTS HASH MD5", b"200 ok"),
        *answer(b"HASH file", b"213-Computing\r\n213 MD5 0-1 " + MD5.digits.encode() + b" file"),
    ),
    MD5,
)


@pytest.mark.parametrize(("feature", "steps", "checksum"), [OLDER, BY_HASH], ids=["XCRC", "HASH"])
async def test_a_checksum_that_is_cut_off_is_never_half_a_checksum(
    feature: str, steps: tuple[Step, ...], checksum: ftp.Checksum
) -> None:
    def make() -> ScriptedPeer:
        peer = ScriptedPeer()
        features = answer(b"FEAT", b"211-Features\r\n " + feature.encode() + b"\r\n211 End")
        peer.script(HELLO, *features, *binary(), *steps, expect_eof())
        return peer

    async def ask(peer: ScriptedPeer) -> ftp.Checksum:
        client = await connected(peer)
        try:
            return await client.checksum("file")
        finally:
            client.close()

    def whole_or_lost(outcome: CutOutcome, _: ScriptedPeer) -> None:
        assert outcome.value == checksum if outcome.exception is None else outcome.value is None

    await cut_everywhere(ask, make, check=whole_or_lost)
