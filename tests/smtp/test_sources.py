"""Where a message comes from: memory, a path, an open file, an iterator; the octets on the wire are those given."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers import MiniSMTP, ScriptedPeer, expect, send
from tests.smtp.support import LONG, PARTING, RECIPIENT, SENDER, TEXT, connected, opening, raises, said
from transfer import Progress, smtp
from transfer._engine.payload import Octets, Payload
from transfer.smtp import Delivery, LinePolicy, Mail
from transfer.smtp._content import Content, FileContent, MemoryContent, StreamContent
from transfer.smtp._dot import normalise

BIG = b"Subject: big\r\n\r\n" + b".a line that begins with a dot\r\n" * 40_000
PIECES = st.lists(
    st.binary(max_size=40) | st.sampled_from([b"\r", b"\n", b"\r\n.", b".", b"\r\n.\r\n", b".."]), max_size=8
)


class Source:
    """An iterator that tells whether it was ended."""

    def __init__(self, pieces: Sequence[Octets]) -> None:
        self._pieces = list(pieces)
        self.is_closed = False

    def __aiter__(self) -> AsyncIterator[Octets]:
        return self

    async def __anext__(self) -> Octets:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop(0)

    async def aclose(self) -> None:
        self.is_closed = True


def mail(message: object, **more: object) -> Mail:
    return Mail(message, sender=SENDER, recipients=RECIPIENT, **more)  # type: ignore[arg-type]  # any


async def octets_of(payload: Payload) -> bytes:
    if isinstance(payload, bytes | bytearray | memoryview):
        return bytes(payload)
    if isinstance(payload, AsyncIterator):
        return b"".join([bytes(piece) async for piece in payload])
    return b"".join(map(bytes, payload))  # type: ignore[arg-type]  # a plain iterable by now


def unstuffed(wire: bytes) -> bytes:
    assert (b"\r\n" + wire).endswith(b"\r\n.\r\n")
    assert (b"\r\n" + wire).count(b"\r\n.\r\n") == 1
    return (b"\r\n" + wire[: -len(b".\r\n")]).replace(b"\r\n.", b"\r\n")[2:]


@given(PIECES)
def test_any_pieces_give_the_message_and_one_end(pieces: list[bytes]) -> None:
    whole = normalise(b"".join(pieces))

    async def check() -> None:
        file = FileContent(io.BytesIO(b"".join(pieces)), LinePolicy.NORMALISE)
        await file.measure()
        contents: list[Content] = [MemoryContent(whole), MemoryContent(whole, progress=lambda _: None), file]
        contents.append(StreamContent(Source(pieces), LinePolicy.NORMALISE))
        for content in contents:
            assert unstuffed(await octets_of(content.for_data())) == whole
            assert content.size in (None, len(whole))
        for content in (*contents[:-1], StreamContent(Source(pieces), LinePolicy.NORMALISE, size=len(whole))):
            assert await octets_of(content.for_bdat()) == whole

    anyio.run(check)


@pytest.mark.parametrize("extensions", [("SIZE",), ("SIZE", "PIPELINING"), ("SIZE", "CHUNKING")])
async def test_a_large_message_arrives_from_everywhere(
    smtp_server: MiniSMTP, tmp_path: Path, extensions: tuple[str, ...]
) -> None:
    path = tmp_path / "message.eml"
    path.write_bytes(BIG.replace(b"\r\n", b"\n"))
    smtp_server.extensions = extensions
    with path.open("rb") as file:
        async with connected(smtp_server) as client:
            for message in (
                BIG,
                path,
                file,
                io.BytesIO(BIG),
                Source([BIG[:1], bytearray(BIG[1:9]), memoryview(BIG)[9:]]),
            ):
                await client.deliver(mail(message))
            await client.deliver(mail(Source([BIG]), size=len(BIG)))
    assert all(message.content == BIG for message in smtp_server.messages)
    sizes = [message.sender.partition("SIZE=")[2] for message in smtp_server.messages]
    assert sizes == [*[str(len(BIG))] * 4, "", str(len(BIG))]


async def test_an_open_file_is_sent_from_where_it_stands(smtp_server: MiniSMTP) -> None:
    file = io.BytesIO(b"not this\r\n" + TEXT)
    file.seek(10)
    async with connected(smtp_server) as client:
        await client.deliver(mail(file))
    assert smtp_server.messages[0].content == TEXT


async def test_a_file_that_cannot_be_read_is_an_error_before_anything_is_sent(
    smtp_server: MiniSMTP, tmp_path: Path
) -> None:
    async with connected(smtp_server) as client:
        for path in (tmp_path / "missing", tmp_path):
            with raises(smtp.SMTPMessageError, "cannot be read from"):
                await client.deliver(mail(path))
    assert not any(line.startswith("MAIL") for line in smtp_server.commands)


async def test_a_str_is_never_taken_for_a_path(smtp_server: MiniSMTP, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"secret")
    async with connected(smtp_server) as client:
        await client.deliver(mail(str(path)))
    assert smtp_server.messages[0].content == str(path).encode() + b"\r\n"


class Growing(io.BytesIO):
    """A file that has more in it when it is read again."""

    def seek(self, position: int, whence: int = 0, /) -> int:
        if position == 0 and self.getbuffer().nbytes:
            super().seek(0, io.SEEK_END)
            self.write(b"more\r\n")
        return super().seek(position, whence)


@pytest.mark.parametrize("size", [len(TEXT) - 1, len(TEXT) + 1])
async def test_what_is_not_as_long_as_it_was_said_is_not_sent_to_its_end(smtp_server: MiniSMTP, size: int) -> None:
    smtp_server.client_may_leave = True
    source = Source([TEXT])
    async with connected(smtp_server) as client:
        with raises(smtp.SMTPMessageError, "declared"):
            await client.deliver(mail(source, size=size))
        assert client.last_delivery is Delivery.NOT_SENT
        assert not client.is_connected
    assert source.is_closed
    assert smtp_server.messages == []


async def test_a_file_that_changes_meanwhile_is_not_sent_to_its_end(smtp_server: MiniSMTP) -> None:
    smtp_server.client_may_leave = True
    async with connected(smtp_server) as client:
        with raises(smtp.SMTPMessageError, "declared"):
            await client.deliver(mail(Growing(TEXT)))
    assert smtp_server.messages == []


async def test_what_a_source_raises_comes_out_and_nothing_is_delivered(smtp_server: MiniSMTP) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield TEXT
        raise LookupError("no more")

    smtp_server.client_may_leave = True
    async with connected(smtp_server) as client:
        with pytest.raises(LookupError, match="no more"):
            await client.deliver(mail(broken()))
        assert client.last_delivery is Delivery.NOT_SENT
    assert smtp_server.messages == []


async def test_a_source_is_ended_where_a_cancellation_leaves_it(smtp_server: MiniSMTP) -> None:
    class Endless(Source):
        async def __anext__(self) -> Octets:
            await anyio.sleep(LONG if self._pieces else 0)
            return b"x\r\n"

    smtp_server.client_may_leave = True
    source = Endless([b""])
    async with connected(smtp_server) as client:
        with anyio.move_on_after(0.05):
            await client.deliver(mail(source))
        assert client.last_delivery is Delivery.NOT_SENT
        report = client.last_report
    assert source.is_closed
    assert report is not None
    assert [one.status.value for one in report.recipients] == ["deferred"]


# -- what the server can take ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [bytes, io.BytesIO])
async def test_more_than_the_server_takes_is_not_begun(peer: ScriptedPeer, kind: Callable[[bytes], object]) -> None:
    peer.script(*opening(b"SIZE 1000"), *said((b"NOOP", b"250 ok")), *PARTING)
    async with connected(peer) as client:
        with raises(smtp.SMTPNotSupported, f"{len(BIG)} octets.*1000 at most"):
            await client.deliver(mail(kind(BIG)))
        await client.noop()
        await client.quit()


async def test_octets_above_127_end_what_no_server_can_take(smtp_server: MiniSMTP) -> None:
    smtp_server.extensions, smtp_server.client_may_leave = (), True
    async with connected(smtp_server) as client:
        with raises(smtp.SMTPMessageError, "8BITMIME"):
            await client.deliver(mail(Source([b"Gr\xc3\xbc\xc3\x9fe\r\n"])))
    assert smtp_server.messages == []


async def test_eight_bits_are_announced_where_nobody_knows(peer: ScriptedPeer) -> None:
    line = b"MAIL FROM:<anna@example.org> BODY=8BITMIME"
    exchanges = said((line, b"250 ok"), (b"RCPT TO:<ben@example.net>", b"250 ok"), (b"DATA", b"354 go"))
    peer.script(*opening(b"8BITMIME"), *exchanges, expect(TEXT + b".\r\n"), send(b"250 ok\r\n"), *PARTING)
    async with connected(peer) as client:
        await client.deliver(mail(Source([TEXT])))
        await client.quit()


async def test_progress_is_told_to_the_end(smtp_server: MiniSMTP, tmp_path: Path) -> None:
    path = tmp_path / "message.eml"
    path.write_bytes(BIG)
    seen: list[Progress] = []
    async with connected(smtp_server) as client:
        for message in (BIG, path, Source([BIG])):
            await client.deliver(mail(message, progress=seen.append))
            assert seen[-1].transferred == len(BIG)
            assert seen[-1].total in (None, len(BIG))
    assert [message.content for message in smtp_server.messages] == [BIG] * 3
