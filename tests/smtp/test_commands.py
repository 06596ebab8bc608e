from __future__ import annotations

import base64

import pytest

from transfer._wire.command import Command, encode_command
from transfer._wire.dialect import SMTP_CLIENT
from transfer.smtp import _commands as commands
from transfer.smtp._address import NULL_SENDER, parse_mailbox
from transfer.smtp._errors import SMTPAddressError

CONTROLS = [*map(chr, range(0x20)), "\x7f", "\x85", "\u2028"]
ANN = parse_mailbox("ann@x.example")
JOSE = parse_mailbox("jos\u00e9@b\u00fccher.example")


def on_wire(command: Command) -> bytes:
    return encode_command(command, SMTP_CLIENT)


def test_the_plain_commands_are_their_verbs() -> None:
    plain = [commands.DATA, commands.HELP, commands.NOOP, commands.QUIT, commands.RSET, commands.STARTTLS]
    assert b"".join(map(on_wire, plain)) == b"DATA\r\nHELP\r\nNOOP\r\nQUIT\r\nRSET\r\nSTARTTLS\r\n"


def test_mail_and_rcpt_carry_the_path_and_the_parameters() -> None:
    assert on_wire(commands.mail(ANN)) == b"MAIL FROM:<ann@x.example>\r\n"
    assert on_wire(commands.mail(NULL_SENDER, ["SIZE=10"])) == b"MAIL FROM:<> SIZE=10\r\n"
    assert on_wire(commands.rcpt(ANN, ("NOTIFY=NEVER", "ORCPT=rfc822;a+2Bb@x"))) == (
        b"RCPT TO:<ann@x.example> NOTIFY=NEVER ORCPT=rfc822;a+2Bb@x\r\n"
    )


def test_smtputf8_switches_to_utf8() -> None:
    wire = "jos\u00e9@b\u00fccher.example".encode()
    assert on_wire(commands.mail(JOSE, ["smtputf8"])) == b"MAIL FROM:<" + wire + b"> smtputf8\r\n"
    assert on_wire(commands.mail(JOSE, utf8=True)) == b"MAIL FROM:<" + wire + b">\r\n"
    assert on_wire(commands.rcpt(JOSE, utf8=True)) == b"RCPT TO:<" + wire + b">\r\n"
    with pytest.raises(SMTPAddressError, match="needs SMTPUTF8"):
        commands.rcpt(JOSE)


def test_the_null_path_is_no_recipient() -> None:
    with pytest.raises(SMTPAddressError, match="null path"):
        commands.rcpt(NULL_SENDER)


def test_vrfy_and_expn_take_addresses_and_names() -> None:
    assert on_wire(commands.vrfy(parse_mailbox("<ann@x>"))) == b"VRFY ann@x\r\n"
    assert on_wire(commands.expn(parse_mailbox("staff"), ["SMTPUTF8"])) == b"EXPN staff SMTPUTF8\r\n"
    assert on_wire(commands.vrfy(parse_mailbox("jos\u00e9"), utf8=True)) == "VRFY jos\u00e9\r\n".encode()


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("client.example", "client.example"),
        (" [192.0.2.1] ", "[192.0.2.1]"),
        ("my_host", "my_host"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_greeting_names_this_host_in_ascii(name: str, sent: str) -> None:
    assert on_wire(commands.ehlo(name)) == f"EHLO {sent}\r\n".encode()
    assert on_wire(commands.helo(name)) == f"HELO {sent}\r\n".encode()


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\tb", "a" * 256, "\u00e9" * 300, "a\u00a0b", *(f"a{c}b" for c in CONTROLS)]
)
def test_what_is_no_hosts_name_is_refused(name: str) -> None:
    with pytest.raises(SMTPAddressError, match="no host's name"):
        commands.ehlo(name)


@pytest.mark.parametrize(
    "option", ["SIZE=1", "size=1", "SMTPUTF8", "AUTH=<>", "8BIT-X", "BY=10;RT", "X=\u00e9", "X=<>,;"]
)
def test_parameters_of_the_grammar_pass_unchanged(option: str) -> None:
    assert commands.check_options([option]) == (option,)


@pytest.mark.parametrize(
    "option",
    [
        "",
        "=1",
        "SIZE=",
        "SIZE =1",
        "SIZE=1 NOTIFY=NEVER",
        " SIZE=1",
        "SIZE=1=2",
        "-X",
        "X_Y=1",
        "X=\u00a0",
        "X=\udc80",
        "\u00e9=1",
        *(f"SIZE=1{c}" for c in CONTROLS),
        *(f"S{c}IZE" for c in CONTROLS),
    ],
)
def test_a_parameter_cannot_smuggle_another_one(option: str) -> None:
    for make in (
        lambda: commands.check_options([option]),
        lambda: commands.mail(ANN, [option]),
        lambda: commands.rcpt(ANN, [option]),
        lambda: commands.vrfy(ANN, [option]),
        lambda: commands.expn(ANN, [option]),
        lambda: commands.merge_options((), [option]),
    ):
        with pytest.raises(SMTPAddressError, match="no ESMTP parameter"):
            make()


def test_one_text_is_not_a_list_of_parameters() -> None:
    with pytest.raises(TypeError, match="not one str"):
        commands.mail(ANN, "SIZE")


def test_a_parameter_comes_once() -> None:
    assert commands.check_options(["SIZE=1", "size=1", "X"]) == ("SIZE=1", "X")
    for options in (["SIZE=1", "size=5"], ["ENVID=a", "ENVID=A"], ["X", "X=1"]):
        with pytest.raises(SMTPAddressError, match="may come once"):
            commands.check_options(options)


def test_the_callers_parameters_win() -> None:
    assert commands.merge_options(["SIZE=1", "BODY=8BITMIME"], ["RET=HDRS", "size=5"]) == (
        "size=5",
        "BODY=8BITMIME",
        "RET=HDRS",
    )
    assert commands.merge_options([], []) == ()


def test_auth_encodes_its_initial_response_and_hides_it() -> None:
    command = commands.auth("plain", b"\0ann\0secret")

    assert on_wire(command) == b"AUTH PLAIN " + base64.b64encode(b"\0ann\0secret") + b"\r\n"
    assert "AGFubg" not in str(command) + repr(command)
    assert str(command) == "AUTH ****"


def test_auth_tells_an_empty_initial_response_from_none() -> None:
    assert on_wire(commands.auth("EXTERNAL", b"")) == b"AUTH EXTERNAL =\r\n"
    assert on_wire(commands.auth("CRAM-MD5")) == b"AUTH CRAM-MD5\r\n"


@pytest.mark.parametrize("name", ["", "PLAIN X", "A" * 21, "PL\u00c4IN", "PLAIN=", *(f"PLAIN{c}" for c in CONTROLS)])
def test_what_names_no_mechanism_is_refused(name: str) -> None:
    with pytest.raises(SMTPAddressError, match="no SASL mechanism"):
        commands.auth(name)
