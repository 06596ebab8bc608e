"""Smuggling out: no body ends its own mail (RUSTSEC-2021-0069, RUSTSEC-2026-0561, CVE-2023-51764, -51765, -51766).

Every sequence that some server takes for an end of mail, at the beginning and in the middle of a body, whole and cut
anywhere, through a real connection: what arrives is one mail with the body that was given, its line ends mended.
"""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator, Iterable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers import MiniSMTP
from tests.smtp.support import RECIPIENT, SENDER, connected
from tests.smtp.test_dot import assert_safe, by_hand, stream, stuff, unstuff
from transfer.smtp import LinePolicy, Mail, SMTPMessageError

SEQUENCES = [
    *(b"\n.\n", b"\r.\r", b"\r.\r\n", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\r\n.\r\r\n", b"\r\n\r\n.\r\n\r\n"),
    *(
        b"\r\n.\r\n",
        b"\n\n.\n\n",
        b"\r\r.\r\r",
        b"\n\r.\n\r",
        b"\r\n.\r\r\n",
        b"\r\n..\r\n",
        b"\r\n\0.\r\n",
        b".\r\n",
        b".",
    ),
]
SMUGGLED = b"MAIL FROM:<evil@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nhello"
BODIES = [prefix + sequence + SMUGGLED for sequence in SEQUENCES for prefix in (b"", b"A: b\r\n\r\ntext")]


def cuts(body: bytes) -> Iterable[list[bytes]]:
    yield [body]
    yield [bytes([octet]) for octet in body]
    end = body.index(SMUGGLED)
    for cut in range(max(0, end - 12), end + 1):
        yield [body[:cut], body[cut:]]


@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_the_end_of_mail_is_there_once_wherever_a_body_is_cut(body: bytes) -> None:
    wire = stuff(body)
    assert_safe(wire)
    for pieces in cuts(body):
        assert stream(pieces) == wire


@pytest.mark.parametrize("way", ["octets", "text", "object", "file", "stream"])
@pytest.mark.parametrize("extensions", [(), ("CHUNKING",)], ids=["DATA", "BDAT"])
async def test_a_server_gets_one_mail_and_the_whole_of_it(
    way: str, extensions: tuple[str, ...], tmp_path: Path
) -> None:
    with MiniSMTP(extensions=extensions) as server:
        async with connected(server) as client:
            for body in BODIES:
                await client.deliver(Mail(source(way, body, tmp_path), sender=SENDER, recipients=RECIPIENT))
        received = [message.content for message in server.messages]
    if way == "object":
        received = [content.partition(b"\r\n\r\n")[2] for content in received]
    assert received == [by_hand(body) for body in BODIES]
    assert not any("evil" in command for command in server.commands)


def source(way: str, body: bytes, folder: Path) -> Any:
    match way:
        case "text":
            return body.decode()
        case "file":
            path = folder / "mail"
            path.write_bytes(body)
            return path
        case "stream":
            return in_octets(body)
        case "object":
            message: Message = Message()
            message["Subject"] = "x"
            message.set_payload(body.decode())
            return message
        case _:
            return body


async def in_octets(body: bytes) -> AsyncIterator[bytes]:
    for octet in body:
        yield bytes([octet])


async def test_the_strict_policy_sends_none_of_it(smtp_server: MiniSMTP) -> None:
    bare = [body for body in BODIES if by_hand(body) != body and re.search(rb"\r(?!\n)|(?<!\r)\n", body)]
    assert len(bare) > 20
    async with connected(smtp_server, line_policy=LinePolicy.STRICT) as client:
        for body in bare:
            with pytest.raises(SMTPMessageError, match=r"bare (CR|LF)"):
                await client.sendmail(SENDER, RECIPIENT, body)
    assert not any(command.startswith("MAIL") for command in smtp_server.commands)


PIECES = st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n.", b"\xff", b"\0"]), max_size=30).map(
    b"".join
)


@given(st.lists(PIECES, max_size=4))
def test_what_a_socket_carries_is_what_was_given(pieces: list[bytes]) -> None:
    """Octets on the wire, after the dots are taken away, equal those given in, but for line ends."""
    whole = b"".join(pieces)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(stream(pieces))
        ours.shutdown(socket.SHUT_WR)
        wire = b""
        while block := theirs.recv(4096):
            wire += block
    assert_safe(wire)
    assert unstuff(wire) == by_hand(whole)
