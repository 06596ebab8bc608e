"""The newer mechanisms, and a user's own, on a session."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Awaitable

import pytest

from tests.peers import Connection, ScriptedPeer, call, expect, expect_eof, send, start_tls
from tests.smtp.scram import ScramPeer, scram, scram_with
from tests.smtp.support import HELLO, PARTING, Begin, Open, expect_any, offer, options_for, raises, said
from transfer import smtp
from transfer._errors import TransferError
from transfer.smtp._auth import EXTERNAL, PLAIN
from transfer.smtp._mechanism import Mechanism
from transfer.smtp._oauth import OAUTHBEARER, XOAUTH2
from transfer.smtp._scram import SCRAM, find_binding


def b64(octets: bytes) -> bytes:
    return base64.b64encode(octets)


# -- SCRAM -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
@pytest.mark.parametrize("iterations", [4096, 20_000])
async def test_scram_logs_in_in_clear_too(begin: Begin, name: str, iterations: int) -> None:
    session = begin(scram_with(name.encode(), iterations=iterations), *PARTING, dialled=False)

    assert await session.authenticate(SCRAM(name, "anna", "secret")) == (235, "in")
    await session.quit()


async def test_a_wrong_password_is_refused(begin: Begin) -> None:
    session = begin(scram_with(b"SCRAM-SHA-256"), *PARTING)
    with raises(smtp.SMTPAuthenticationError, match="535"):
        await session.authenticate(SCRAM("SCRAM-SHA-256", "anna", "wrong"))
    await session.quit()


async def test_the_servers_own_error_is_told(begin: Begin) -> None:
    """RFC 5802 §7."""
    error = [send(b"334 " + b64(b"e=unknown-user") + b"\r\n"), expect(b"\r\n"), send(b"535 5.7.8 no\r\n")]
    session = begin(expect_any(), *error, *PARTING)
    with raises(smtp.SMTPAuthenticationError) as caught:
        await session.authenticate(SCRAM("SCRAM-SHA-256", "anna", "secret"))

    assert caught.value.detail == "unknown-user"
    assert str(caught.value).startswith("AUTH **** was answered: 535 5.7.8 no (unknown-user)")
    await session.quit()


async def test_a_false_signature_is_called_off(begin: Begin) -> None:
    session = begin(scram_with(b"SCRAM-SHA-256", sign=lambda _: b"false"), *PARTING)
    with raises(smtp.SMTPAuthenticationError, match="the server's part"):
        await session.authenticate(SCRAM("SCRAM-SHA-256", "anna", "secret"))
    await session.quit()


async def test_a_false_server_is_not_told_the_proof(begin: Begin) -> None:
    session = begin(scram_with(b"SCRAM-SHA-256", nonce=lambda _: b"another"), *PARTING)
    with raises(smtp.SMTPAuthenticationError, match="nonce"):
        await session.authenticate(SCRAM("SCRAM-SHA-256", "anna", "secret"))
    await session.quit()


async def test_a_server_that_agrees_without_a_proof_is_left(begin: Begin) -> None:
    """It may be anybody, and takes us for logged in."""
    session = begin(expect_any(), send(b"235 in\r\n"), expect_eof())
    with raises(smtp.SMTPAuthenticationError, match="without a proof of its own"):
        await session.authenticate(SCRAM("SCRAM-SHA-256", "anna", "secret"))

    assert not session.channel.is_open


async def test_a_question_after_the_end_is_called_off(begin: Begin) -> None:
    done = ScramPeer()

    def go_on(connection: Connection) -> None:
        wire = connection.wire
        first = done.first(base64.b64decode(wire.read_line().split()[2]))
        wire.send(b"334 " + b64(first) + b"\r\n")
        wire.send(b"334 " + b64(done.final(base64.b64decode(wire.read_line())) or b"") + b"\r\n")
        assert wire.read_line() == b""
        wire.send(b"334 \r\n")

    session = begin(call(go_on), *said((b"*", b"501 off")), *PARTING)
    with raises(smtp.SMTPAuthenticationError, match="no further step"):
        await session.authenticate(SCRAM("SCRAM-SHA-256", "anna", "secret"))
    await session.quit()


# -- SCRAM, tied to TLS ------------------------------------------------------------------------------------------------


@pytest.fixture
def older_tls_context(ca_file: str) -> ssl.SSLContext:
    """A client's context for TLS 1.2."""
    context = ssl.create_default_context(cafile=ca_file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def end_point(certificate: ssl.SSLObject) -> bytes:
    """RFC 5929 §4.1, for the certificate of these tests, which is signed with SHA-256."""
    der = certificate.getpeercert(binary_form=True)
    assert der is not None
    return hashlib.sha256(der).digest()


async def test_under_tls_1_3_it_is_tied_to_the_certificate(
    peer: ScriptedPeer, opened: Open, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    expected: list[bytes] = []

    def server(_: Connection) -> ScramPeer:
        return ScramPeer(header=b"p=tls-server-end-point,,", binding=expected[0])

    peer.script(
        start_tls(server_tls_context), HELLO, *offer(b"AUTH SCRAM-SHA-256-PLUS"), scram(b"SCRAM-SHA-256-PLUS", server)
    )
    session = await opened(options_for(peer, use_tls=True, tls_context=client_tls_context))
    tls = session.channel.stream.tls
    assert tls is not None
    assert tls.version() == "TLSv1.3"
    expected.append(end_point(tls))
    await session.hello()

    await session.authenticate(SCRAM("SCRAM-SHA-256-PLUS", "anna", "secret", binding=find_binding(tls)))


async def test_under_tls_1_2_it_is_tied_to_the_handshake(
    peer: ScriptedPeer, opened: Open, server_tls_context: ssl.SSLContext, older_tls_context: ssl.SSLContext
) -> None:
    def server(connection: Connection) -> ScramPeer:
        assert connection.wire.tls is not None
        binding = connection.wire.tls.get_channel_binding("tls-unique")
        assert binding
        return ScramPeer(digest="sha1", header=b"p=tls-unique,,", binding=binding)

    peer.script(
        start_tls(server_tls_context), HELLO, *offer(b"AUTH SCRAM-SHA-1-PLUS"), scram(b"SCRAM-SHA-1-PLUS", server)
    )
    session = await opened(
        options_for(
            peer,
            use_tls=True,
            tls_context=older_tls_context,
            username="anna",
            password="secret",
            mechanisms=["SCRAM-SHA-1-PLUS"],
        )
    )
    assert session.channel.is_open


async def test_a_certificate_without_a_hash_function_gives_no_binding() -> None:
    """RFC 5929 §4.1: "undefined"; nor does a server that shows none."""

    class Bare:
        def version(self) -> str:
            return "TLSv1.3"

        def getpeercert(self, *, binary_form: bool) -> None:
            return None

        def get_channel_binding(self, name: str) -> bytes:
            raise ValueError(name)

    assert find_binding(Bare()) is None  # type: ignore[arg-type]  # a double


# -- tokens, EXTERNAL --------------------------------------------------------------------------------------------------


async def test_a_refused_bearer_token_brings_the_servers_own_error(begin: Begin) -> None:
    """RFC 7628 §3.2.3."""
    first = b64(b"n,a=anna,\1host=mx\1port=587\1auth=Bearer old\1\1")
    session = begin(
        *said((b"AUTH OAUTHBEARER " + first, b"334 " + b64(b'{"status":"invalid_token"}')), (b"AQ==", b"535 5.7.8 no")),
        *PARTING,
    )
    with raises(smtp.SMTPAuthenticationError) as caught:
        await session.authenticate(OAUTHBEARER("anna", "old", host="mx", port=587))

    assert (caught.value.code, caught.value.message) == (535, "5.7.8 no")
    assert caught.value.detail == '{"status":"invalid_token"}'
    assert '{"status":"invalid_token"}' in str(caught.value)
    await session.quit()


@pytest.mark.parametrize(
    ("authorization", "steps"),
    [
        ("", [(b"AUTH EXTERNAL =", b"235 in")]),
        ("anna", [(b"AUTH EXTERNAL YW5uYQ==", b"235 in")]),
        ("anna", [(b"AUTH EXTERNAL YW5uYQ==", b"334 "), (b"YW5uYQ==", b"235 in")]),
    ],
)
async def test_external_in_clear_reveals_nothing(
    begin: Begin, authorization: str, steps: list[tuple[bytes, bytes]]
) -> None:
    session = begin(*said(*steps), expect_eof(), dialled=False)
    assert await session.authenticate(EXTERNAL(authorization)) == (235, "in")


# -- the length of AUTH ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mechanism", [XOAUTH2, OAUTHBEARER, PLAIN], ids=["XOAUTH2", "OAUTHBEARER", "PLAIN"])
async def test_a_long_initial_response_waits_for_the_servers_go_ahead(
    begin: Begin, mechanism: type[XOAUTH2 | OAUTHBEARER | PLAIN]
) -> None:
    """RFC 4954 §4: "the client MUST NOT use the initial response parameter"."""
    message = mechanism("anna", "t" * 2000).initial()
    session = begin(
        *said((b"AUTH " + mechanism.__name__.encode(), b"334 "), (b64(message), b"235 in")),
        expect_eof(),
    )
    await session.authenticate(mechanism("anna", "t" * 2000))


async def test_512_octets_are_the_most_that_auth_takes(begin: Begin) -> None:
    # "AUTH PLAIN " and CRLF leave 499 octets: 498, being a multiple of three in four, have none to spare.
    fits, too_long = "p" * (372 - 6), "p" * (372 - 5)
    lines = [b"AUTH PLAIN " + b64(b"\0anna\0" + fits.encode()), b64(b"\0anna\0" + too_long.encode())]
    assert len(lines[0]) + 2 <= 512 < len(b"AUTH PLAIN " + lines[1]) + 2
    session = begin(*said((lines[0], b"235 in"), (b"AUTH PLAIN", b"334"), (lines[1], b"235 in")), expect_eof())

    await session.authenticate(PLAIN("anna", fits))
    await session.authenticate(PLAIN("anna", too_long))


# -- a user's own ------------------------------------------------------------------------------------------------------


class Mirror(Mechanism):
    """Answers by the question, backwards; *how* says whether at once."""

    name = "X_MIRROR-2"
    is_revealing = False

    def __init__(self, *, waits: bool) -> None:
        self.waits = waits

    def respond(self, challenge: bytes) -> bytes | Awaitable[bytes]:
        return self._later(challenge) if self.waits else challenge[::-1]

    async def _later(self, challenge: bytes) -> bytes:
        return challenge[::-1]


@pytest.mark.parametrize("waits", [False, True])
async def test_a_mechanism_of_a_users_own(begin: Begin, waits: bool) -> None:
    session = begin(*said((b"AUTH X_MIRROR-2", b"334 YWI="), (b"YmE=", b"235 in")), expect_eof(), dialled=False)
    assert await session.authenticate(Mirror(waits=waits)) == (235, "in")


class Broken(Mechanism):
    """Raises what it was given."""

    name = "BROKEN"

    def __init__(self, error: Exception) -> None:
        self.failure = error

    def respond(self, challenge: bytes) -> bytes:
        raise self.failure


async def test_a_mechanism_of_unknown_nature_is_not_used_in_clear(begin: Begin) -> None:
    session = begin(*PARTING, dialled=False)
    with raises(smtp.SMTPNotSupported, match="AUTH BROKEN would send the password in clear"):
        await session.authenticate(Broken(LookupError()))
    await session.quit()


async def test_a_mechanism_that_gives_up_calls_off(begin: Begin) -> None:
    session = begin(*said((b"AUTH BROKEN", b"334 "), (b"*", b"501 off")), *PARTING)
    with raises(smtp.SMTPAuthenticationError, match="no idea"):
        await session.authenticate(Broken(smtp.SMTPAuthenticationError(334, "no idea")))
    await session.quit()


async def test_a_mechanism_that_breaks_down_closes(begin: Begin) -> None:
    """The server waits for an answer, and would take the next command for it."""
    session = begin(*said((b"AUTH BROKEN", b"334 ")), expect_eof())
    with pytest.raises(LookupError, match="my ticket"):
        await session.authenticate(Broken(LookupError("my ticket")))

    assert not session.channel.is_open
    with pytest.raises(TransferError):
        await session.execute(b"NOOP")


@pytest.mark.parametrize("name", ["", "TWO WORDS", "X" * 21, "ÄH", "A\r\nRSET"])
async def test_a_name_that_no_mechanism_has_is_not_sent(begin: Begin, name: str) -> None:
    """RFC 4422 §3.1."""
    mechanism = Mirror(waits=False)
    mechanism.name = name
    session = begin(*PARTING)
    with raises(smtp.SMTPAddressError, match="no SASL mechanism's name"):
        await session.authenticate(mechanism)
    await session.quit()
