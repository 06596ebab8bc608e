"""Asking a server for a checksum: which command, which algorithm, and what becomes of refusals and nonsense."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.peers import CLOSE, MiniFTP
from transfer import ftp
from transfer.ftp._checks import remote_checksum
from transfer.ftp._checks._algorithms import COMMANDS

CONTENT = b"The quick brown fox\n" * 50
PATH = "/pub/my file.bin"
DIGESTS = {
    "SHA-512": hashlib.sha512(CONTENT).hexdigest(),
    "SHA-256": hashlib.sha256(CONTENT).hexdigest(),
    "SHA-1": hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest(),
    "MD5": hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(),
    "CRC32": f"{zlib.crc32(CONTENT):08x}",
}
HASH = "HASH SHA-512;SHA-256*;SHA-1;MD5;CRC32"


class Hashing(MiniFTP):
    """A server with HASH, whose algorithm OPTS HASH selects, and with all the older commands."""

    def __init__(self, *features: str, **options: Any) -> None:
        super().__init__(files={PATH: CONTENT}, features=features, **options)
        self.selected = "SHA-256"
        self.replies["OPTS"] = self._select
        self.replies["HASH"] = lambda path: f"213 {self.selected} 0-{len(CONTENT)} {self._digits(self.selected)} {path}"
        for algorithm, verbs in COMMANDS.items():
            for verb in verbs:
                self.replies[verb] = self._older(algorithm)

    def _digits(self, algorithm: str) -> str:
        return next(digits for name, digits in DIGESTS.items() if name.replace("-", "") == algorithm.replace("-", ""))

    def _older(self, algorithm: str) -> Callable[[str], str]:
        return lambda path: f'250 "{path}" {DIGESTS[algorithm].upper()}'

    def _select(self, argument: str) -> str:
        verb, _, name = argument.partition(" ")
        assert verb == "HASH"
        self.selected = name
        return f"200 {name}"

    def asked(self) -> list[str]:
        """What came after FEAT, which is asked once, and without the end."""
        assert self.commands.count("FEAT") == 1
        lines = self.commands[self.commands.index("FEAT") + 1 :]
        return [line for line in lines if line != "QUIT"]


@asynccontextmanager
async def hashing(*features: str) -> AsyncIterator[tuple[ftp.Client, Hashing]]:
    with Hashing(*features) as server:
        async with ftp.Client.context(server.host, server.port) as client:
            yield client, server


# -- which one -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "algorithm"),
    [
        ((HASH,), "SHA-512"),
        (("HASH SHA-1;MD5*",), "SHA-1"),
        (("HASH WHIRLPOOL*;MD5",), "MD5"),
        (("HASH MD5*", "XCRC", "XSHA1"), "SHA-1"),
        (("XCRC", "XMD5"), "MD5"),
        (("XMD5", "XSHA1", "XSHA256", "XSHA512"), "SHA-512"),
        (("XSHA",), "SHA-1"),
        (("MD5",), "MD5"),
        (('XCRC "filename" SP EP',), "CRC32"),
        (("XMD5 filename;start;end",), "MD5"),
    ],
)
async def test_the_strongest_that_the_server_has_is_the_default(features: tuple[str, ...], algorithm: str) -> None:
    async with hashing(*features) as (client, _):
        assert await client.checksum(PATH) == ftp.Checksum(algorithm, DIGESTS[algorithm])


@pytest.mark.parametrize(("algorithm", "digits"), DIGESTS.items())
@pytest.mark.parametrize("spelling", [str, str.lower, lambda name: name.replace("-", "")])
async def test_an_algorithm_may_be_chosen(spelling: Callable[[str], str], algorithm: str, digits: str) -> None:
    async with hashing(HASH) as (client, _):
        assert await client.checksum(PATH, spelling(algorithm)) == ftp.Checksum(algorithm, digits)


@pytest.mark.parametrize(("algorithm", "verb"), [(name, verb) for name, verbs in COMMANDS.items() for verb in verbs])
async def test_each_of_the_older_commands_is_asked_with_the_bare_path(algorithm: str, verb: str) -> None:
    async with hashing(verb) as (client, server):
        assert (await client.checksum(PATH, algorithm)).digits == DIGESTS[algorithm]
        assert server.asked() == ["TYPE I", f"{verb} {PATH}"]


async def test_hash_is_preferred_to_the_older_commands() -> None:
    async with hashing("XSHA256", HASH) as (client, server):
        await client.checksum(PATH, "SHA-256")
        assert server.asked() == ["TYPE I", f"HASH {PATH}"]


# -- OPTS HASH -------------------------------------------------------------------------------------------------------


async def test_the_algorithm_is_selected_once_and_only_if_it_is_not_the_present_one() -> None:
    async with hashing(HASH) as (client, server):
        for algorithm in ("SHA-256", "SHA-1", "SHA-1", "SHA-256", "SHA-256"):
            assert (await client.checksum(PATH, algorithm)).digits == DIGESTS[algorithm]
        assert server.asked() == [
            "TYPE I",
            f"HASH {PATH}",
            "OPTS HASH SHA-1",
            f"HASH {PATH}",
            f"HASH {PATH}",
            "OPTS HASH SHA-256",
            f"HASH {PATH}",
            f"HASH {PATH}",
        ]


async def test_without_a_marked_one_the_algorithm_is_always_selected_first() -> None:
    async with hashing("HASH SHA-256;MD5") as (client, server):
        await client.checksum(PATH)
        assert server.asked() == ["TYPE I", "OPTS HASH SHA-256", f"HASH {PATH}"]


async def test_the_server_is_told_the_algorithm_as_it_spells_it() -> None:
    async with hashing("HASH SHA256*;SHA1") as (client, server):
        assert (await client.checksum(PATH, "SHA-1")).digits == DIGESTS["SHA-1"]
        assert (await client.checksum(PATH, "SHA-256")).digits == DIGESTS["SHA-256"]
        assert [line for line in server.asked() if line.startswith("OPTS")] == ["OPTS HASH SHA1", "OPTS HASH SHA256"]


async def test_one_that_is_marked_and_spelled_otherwise_needs_no_selection() -> None:
    async with hashing("HASH SHA256*;SHA1") as (client, server):
        server.selected = "SHA256"
        await client.checksum(PATH, "SHA-256")
        assert server.asked() == ["TYPE I", f"HASH {PATH}"]


async def test_a_refused_selection_is_raised_and_tried_anew_the_next_time() -> None:
    async with hashing(HASH) as (client, server):
        select, server.replies["OPTS"] = server.replies["OPTS"], "501 not now"
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.checksum(PATH, "MD5")
        assert [str(code) for code in caught.value.received_codes] == ["501"]
        server.replies["OPTS"] = select
        assert (await client.checksum(PATH, "MD5")).digits == DIGESTS["MD5"]


# -- refusals and nonsense -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("features", [(), ("SIZE",), ("HASH",), ("HASH WHIRLPOOL*",)])
async def test_a_server_without_checksums_is_asked_for_none(features: tuple[str, ...]) -> None:
    async with hashing(*features) as (client, server):
        with pytest.raises(ftp.FTPNotSupported, match="The server offers no checksum"):
            await client.checksum(PATH)
        with pytest.raises(ftp.FTPNotSupported, match="The server offers no SHA-1"):
            await client.checksum(PATH, "sha1")
        assert server.asked() == []


@pytest.mark.parametrize("reply", ["502 not implemented", "500 what?", "211 no features"])
async def test_a_server_without_features_is_asked_for_none(reply: str) -> None:
    async with hashing(HASH) as (client, server):
        server.replies["FEAT"] = reply
        with pytest.raises(ftp.FTPNotSupported):
            await client.checksum(PATH)
        assert server.asked() == []


async def test_an_algorithm_that_the_server_lacks_is_not_replaced_by_another() -> None:
    async with hashing("HASH SHA-1*", "XMD5") as (client, server):
        with pytest.raises(ftp.FTPNotSupported, match="SHA-256"):
            await client.checksum(PATH, "SHA-256")
        assert server.asked() == []


async def test_a_command_that_the_server_has_not_offered_is_not_sent() -> None:
    async with hashing("XCRC") as (client, server):
        with pytest.raises(ftp.FTPNotSupported, match="The server offers no MD5"):
            await remote_checksum(client._session.control, PATH, "MD5")
        assert server.asked() == []


async def test_an_algorithm_that_nobody_knows_is_a_value_error_before_anything_is_sent() -> None:
    async with hashing(HASH) as (client, server):
        before = list(server.commands)
        with pytest.raises(ValueError, match="WHIRLPOOL"):
            await client.checksum(PATH, "WHIRLPOOL")
        assert server.commands == before


@pytest.mark.parametrize(("feature", "verb"), [(HASH, "HASH"), ("XSHA512", "XSHA512"), ("XCRC", "XCRC")])
@pytest.mark.parametrize("reply", ["550 no such file", "450 busy", "556 not this one", "502 not implemented"])
async def test_a_refusal_is_raised_and_leaves_the_client_in_step(feature: str, verb: str, reply: str) -> None:
    async with hashing(feature) as (client, server):
        usual, server.replies[verb] = server.replies[verb], reply
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.checksum(PATH)
        assert str(caught.value.received_codes[-1]) == reply[:3]
        server.replies[verb] = usual
        assert (await client.checksum(PATH)).digits in DIGESTS.values()


@pytest.mark.parametrize(
    ("feature", "verb", "reply"),
    [
        (HASH, "HASH", "213 it is a fine file"),
        (HASH, "HASH", f"213 SHA-1 0-1000 {DIGESTS['SHA-1']} {PATH}"),
        (HASH, "HASH", f"213 SHA-512 10-1000 {DIGESTS['SHA-512']} {PATH}"),
        ("XMD5", "XMD5", "250 it is a fine file"),
        ("XMD5", "XMD5", f"250 {DIGESTS['SHA-1']}"),
        ("XCRC", "XCRC", "250 deadbeef cafebabe"),
    ],
)
async def test_nonsense_is_a_protocol_error_that_closes_the_connection(feature: str, verb: str, reply: str) -> None:
    async with hashing(feature) as (client, server):
        server.replies[verb] = reply
        with pytest.raises(ftp.FTPProtocolError) as caught:
            await client.checksum(PATH)
        assert caught.value.peer == f"{server.host}:{server.port}"
        assert not client.is_connected


async def test_a_server_that_leaves_is_a_lost_connection() -> None:
    async with hashing(HASH) as (client, server):
        server.replies["HASH"] = CLOSE
        with pytest.raises(ConnectionError):
            await client.checksum(PATH)
        assert not client.is_connected


@pytest.mark.parametrize("path", ["", "a\r\nDELE b", "a\nb"])
async def test_a_path_that_is_none_is_refused_before_it_is_sent(path: str) -> None:
    async with hashing("XCRC") as (client, server):
        with pytest.raises((ftp.InvalidCommand, ValueError)):
            await client.checksum(path)
        assert not [line for line in server.commands if line.startswith(("XCRC", "DELE"))]


async def test_replies_of_several_lines_are_read() -> None:
    async with hashing("XMD5", "HASH SHA-1*") as (client, server):
        server.replies["XMD5"] = f"250 Computing MD5 digest\n{DIGESTS['MD5'].upper()}"
        server.replies["HASH"] = f"213 Computing SHA1 digest\nSHA-1 0-1000 {DIGESTS['SHA-1']} {PATH}"
        assert (await client.checksum(PATH, "MD5")).digits == DIGESTS["MD5"]
        assert (await client.checksum(PATH, "SHA-1")).digits == DIGESTS["SHA-1"]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


# -- to verify transfers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verify", [True, "hash", "SHA-256", "md5", "crc32"])
@pytest.mark.parametrize("features", [(HASH,), ("XCRC", "XMD5", "XSHA256")])
async def test_a_download_agrees_with_every_algorithm(
    tmp_path: Path, features: tuple[str, ...], verify: bool | str
) -> None:
    async with hashing(*features) as (client, server):
        await client.download(PATH, tmp_path, verify=verify)
        assert any(line.startswith(("HASH ", "X")) for line in server.asked())
    assert (tmp_path / "my file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("features", [(HASH,), ("XCRC", "XMD5", "XSHA256")])
async def test_a_download_that_differs_does_not_get_its_name(tmp_path: Path, features: tuple[str, ...]) -> None:
    async with hashing(*features) as (client, server):
        server.files[PATH] = CONTENT[:-1] + b"?"
        with pytest.raises(ftp.FTPIncompleteTransfer):
            await client.download(PATH, tmp_path, verify="hash")
    assert names(tmp_path) == []
