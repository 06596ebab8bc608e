"""SCRAM against a server's part that knows the RFCs and not the library."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from typing import Any

import pytest
from scramp import ScramMechanism

from tests.smtp.scram import ScramPeer, prove
from transfer.smtp._errors import SMTPAddressError, SMTPAuthenticationError, SMTPNotSupported
from transfer.smtp._scram import SCRAM, find_binding

NAMES = pytest.mark.parametrize(("name", "digest"), [("SCRAM-SHA-1", "sha1"), ("SCRAM-SHA-256", "sha256")])


async def run(mechanism: SCRAM, peer: ScramPeer) -> None:
    """The whole exchange."""
    final = peer.final(await mechanism.respond(peer.first(mechanism.initial())))
    assert final is not None
    assert await mechanism.respond(final) == b""
    mechanism.finish()


def test_the_servers_part_knows_the_standards_examples() -> None:
    """RFC 5802 §5 and RFC 7677 §3."""
    proof, signature = prove(
        "sha1",
        b"pencil",
        base64.b64decode("QSXCR+Q6sek8bf92"),
        4096,
        b"n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
    )
    assert base64.b64encode(proof) == b"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    assert base64.b64encode(signature) == b"rmF9pqV8S7suAoZWja4dJRkFsKQ="
    proof, signature = prove(
        "sha256",
        b"pencil",
        base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="),
        4096,
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    )
    assert base64.b64encode(proof) == b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert base64.b64encode(signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@NAMES
async def test_both_sides_prove_themselves(name: str, digest: str) -> None:
    await run(SCRAM(name, "anna", "secret"), ScramPeer(digest=digest))


async def test_each_exchange_has_a_nonce_of_its_own() -> None:
    assert SCRAM("SCRAM-SHA-1", "anna", "secret").initial() != SCRAM("SCRAM-SHA-1", "anna", "secret").initial()


async def test_another_library_agrees() -> None:
    mechanism = SCRAM("SCRAM-SHA-256", "anna", "secret")
    library = ScramMechanism("SCRAM-SHA-256")
    known = library.make_auth_info("secret")
    server = library.make_server(lambda _: known)

    server.set_client_first(mechanism.initial().decode())
    server.set_client_final((await mechanism.respond(server.get_server_first().encode())).decode())
    assert await mechanism.respond(server.get_server_final().encode()) == b""
    mechanism.finish()


async def test_names_are_escaped_and_prepared() -> None:
    """RFC 5802 §5.1; RFC 4013 §3: a soft hyphen is nothing, a roman numeral its letters."""
    peer = ScramPeer(username=b"a=2Cb=3DcIX", password=b"IX")
    await run(SCRAM("SCRAM-SHA-256", "a,b=c\u00ad\u2168", "\u2168\u00ad".encode()), peer)


@pytest.mark.parametrize(
    ("username", "password"),
    [("", "secret"), ("anna", "se\u0007cret"), ("anna", "\U0001f511secret"), ("anna", b"\xffsecret"), (b"\xff", "x")],
    ids=["no name", "control", "younger than Unicode 3.2", "no UTF-8", "a name without UTF-8"],
)
def test_credentials_that_scram_cannot_carry_are_refused_unseen(username: str | bytes, password: str | bytes) -> None:
    with pytest.raises(SMTPAddressError) as caught:
        SCRAM("SCRAM-SHA-256", username, password).initial()
    assert "cret" not in f"{caught.value!r} {caught.value.__context__!r}"


# -- what the server may not do ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"iterations": 4095}, "asks for 4095 iterations"),
        ({"iterations": 2_000_001}, "asks for 2000001 iterations"),
        ({"iterations": 10**18}, "wrong"),
        ({"iterations": -4096}, "wrong"),
        ({"nonce": lambda nonce: b"x" + nonce}, "nonce"),
        ({"nonce": lambda nonce: nonce}, "nonce"),
        ({"nonce": lambda nonce: nonce + b"S,m=ext"}, "wrong"),
        ({"salt": b""}, "wrong"),
    ],
    ids=[
        "too little work",
        "too much work",
        "far too much",
        "negative work",
        "another nonce",
        "no nonce",
        "ext",
        "no salt",
    ],
)
async def test_a_first_message_that_breaks_the_rules_gets_no_proof(wrong: dict[str, Any], fault: str) -> None:
    mechanism = SCRAM("SCRAM-SHA-256", "anna", "secret")
    challenge = ScramPeer(**wrong).first(mechanism.initial())
    with pytest.raises(SMTPAuthenticationError, match=fault) as caught:
        await mechanism.respond(challenge)

    assert caught.value.code == 334
    assert not mechanism.has_proved


@pytest.mark.parametrize("garbage", [b"", b"r=", b"hello", b"\xff\xfe", b"v=abc", b"r=a,s=b,i=c", b"i=4096"])
async def test_garbage_gets_no_proof(garbage: bytes) -> None:
    mechanism = SCRAM("SCRAM-SHA-256", "anna", "secret")
    mechanism.initial()
    with pytest.raises(SMTPAuthenticationError, match="the server's part"):
        await mechanism.respond(garbage)


@pytest.mark.parametrize("signature", [b"", b"\0" * 32, b"\0" * 20])
async def test_a_server_that_does_not_know_the_password_is_found_out(signature: bytes) -> None:
    mechanism = SCRAM("SCRAM-SHA-256", "anna", "secret")
    with pytest.raises(SMTPAuthenticationError, match="the server's part"):
        await run(mechanism, ScramPeer(sign=lambda _: signature))
    with pytest.raises(SMTPAuthenticationError, match="without a proof of its own"):
        mechanism.finish()


async def test_consent_without_a_signature_is_none() -> None:
    mechanism = SCRAM("SCRAM-SHA-256", "anna", "secret")
    await mechanism.respond(ScramPeer().first(mechanism.initial()))
    with pytest.raises(SMTPAuthenticationError, match="without a proof of its own"):
        mechanism.finish()


@pytest.mark.parametrize("proved", [False, True])
async def test_the_servers_error_is_kept(proved: bool) -> None:
    mechanism = SCRAM("SCRAM-SHA-256", "anna", "secret")
    challenge = ScramPeer().first(mechanism.initial())
    if proved:
        await mechanism.respond(challenge)

    assert await mechanism.respond(b"e=invalid-proof,x=y") == b""
    assert mechanism.error == "invalid-proof"
    assert mechanism.has_proved is proved
    with pytest.raises(SMTPAuthenticationError, match="no further step"):
        await mechanism.respond(b"")
    with pytest.raises(SMTPAuthenticationError, match="without a proof"):
        mechanism.finish()


async def test_there_is_no_step_after_the_last() -> None:
    mechanism = SCRAM("SCRAM-SHA-256", "anna", "secret")
    await run(mechanism, ScramPeer())
    with pytest.raises(SMTPAuthenticationError, match="no further step"):
        await mechanism.respond(b"")


class Watched:
    """The library's client; notes which thread does the work."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.threads: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_client_final(self) -> str:
        self.threads.append(threading.get_ident())
        proof: str = self._client.get_client_final()
        return proof


@pytest.mark.parametrize(("iterations", "is_inline"), [(4096, True), (16_384, True), (16_385, False)])
async def test_much_work_is_done_in_a_thread_of_its_own(iterations: int, is_inline: bool) -> None:
    mechanism, peer = SCRAM("SCRAM-SHA-1", "anna", "secret"), ScramPeer(digest="sha1", iterations=iterations)
    challenge = peer.first(mechanism.initial())
    mechanism._client = watched = Watched(mechanism._client)
    proof = await mechanism.respond(challenge)

    assert peer.final(proof) is not None
    assert [thread == threading.get_ident() for thread in watched.threads] == [is_inline]


# -- channel binding ---------------------------------------------------------------------------------------------------


def test_plus_needs_something_to_bind_to() -> None:
    assert find_binding(None) is None
    with pytest.raises(SMTPNotSupported, match="needs TLS"):
        SCRAM("SCRAM-SHA-256-PLUS", "anna", "secret").initial()


def test_a_secret_is_not_shown() -> None:
    mechanism = SCRAM("SCRAM-SHA-256", "anna", "sesame")

    assert not mechanism.is_revealing
    assert "anna" in repr(mechanism)
    assert "sesame" not in repr(mechanism)
    mechanism.initial()
    assert "sesame" not in repr(mechanism)


def test_the_library_is_imported_by_the_first_login() -> None:
    script = "import sys, transfer.smtp; print('scramp' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )
