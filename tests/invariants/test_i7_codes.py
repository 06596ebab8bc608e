"""I7: an unlisted reply code acts by its first digit (RFC 5321 §4.2.1, RFC 959 §4.2.1)."""

from __future__ import annotations

import pytest

from tests.invariants.support import EHLO, MAIL_HELLO, file_client, mail_client
from tests.peers import (
    ScriptedPeer,
    Step,
    accept_data,
    close_data,
    expect,
    expect_until,
    hang,
    listen_data,
    send,
    send_data,
)
from transfer import ftp, smtp
from transfer._errors import RemoteProtocolError

MESSAGE = "Subject: x\r\n\r\nx\r\n"


def mail_script(codes: list[int]) -> list[Step]:
    """A server that answers MAIL, RCPT, DATA and the dot with *codes*, and goes on as long as the client does."""
    lines = [expect(b"MAIL FROM:<a@b.example>\r\n"), expect(b"RCPT TO:<c@d.example>\r\n"), expect(b"DATA\r\n")]
    steps = [send(MAIL_HELLO), expect(EHLO), send(b"298 me\r\n")]
    for line, code in zip([*lines, expect_until(b"\r\n.\r\n")], codes, strict=False):
        steps += [line, send(b"%d unlisted\r\n" % code)]
    return steps


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        ([299, 288, 399, 277], None),
        ([499], smtp.SMTPSenderRefused),
        ([599], smtp.SMTPSenderRefused),
        ([299, 466], smtp.SMTPRecipientsRefused),
        ([299, 577], smtp.SMTPRecipientsRefused),
        ([299, 288, 444], smtp.SMTPDataError),
        ([299, 288, 399, 588], smtp.SMTPDataError),
        ([399], RemoteProtocolError),
        ([299, 288, 299], RemoteProtocolError),
        ([199], RemoteProtocolError),
    ],
    ids=str,
)
async def test_an_unlisted_code_acts_by_its_first_digit(codes: list[int], error: type[Exception] | None) -> None:
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(*mail_script(codes), expect(b"RSET\r\n"), send(b"255 clean\r\n"), hang())
        client = mail_client(peer)
        await client.connect()
        try:
            if error is None:
                assert await client.sendmail("a@b.example", "c@d.example", MESSAGE) == ({}, "unlisted")
                return
            with pytest.raises(error) as caught:
                await client.sendmail("a@b.example", "c@d.example", MESSAGE)
            assert getattr(caught.value, "retryable", False) == (400 <= codes[-1] <= 499)
        finally:
            client.close()


@pytest.mark.parametrize("code", [199, 288, 388, 477, 566])
async def test_an_unlisted_code_of_a_file_server_acts_by_its_first_digit(code: int) -> None:
    with ScriptedPeer(client_may_leave=True) as peer:
        after = [send(b"266 the last\r\n")] if code < 200 else []
        peer.script(send(b"220 hi\r\n"), expect(b"CWD x\r\n"), send(b"%d unlisted\r\n" % code), *after, hang())
        client = await file_client(peer)
        try:
            if code < 300:
                await client.change_directory("x")
            else:
                with pytest.raises(ftp.StatusCodeError) as caught:
                    await client.change_directory("x")
                assert caught.value.retryable == (400 <= code <= 499)
        finally:
            client.close()


async def test_unlisted_codes_open_and_end_a_transfer(peer: ScriptedPeer) -> None:
    peer.script(
        send(b"220 hi\r\n"),
        expect(b"TYPE I\r\n"),
        send(b"266 unlisted\r\n"),
        expect(b"EPSV\r\n"),
        listen_data("d"),
        send(b"229 (|||{d}|)\r\n"),
        expect(b"MLSD\r\n"),
        accept_data("d"),
        send(b"177 unlisted\r\n"),
        send_data("d", b"type=file; x\r\n"),
        close_data("d"),
        send(b"288 unlisted\r\n"),
        hang(),
    )
    client = await file_client(peer)
    try:
        assert [str(path) for path, _ in await client.list()] == ["x"]
        assert client.is_connected
    finally:
        client.close()
