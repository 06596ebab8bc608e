"""Command injection: no text that reaches a command ends it (GHSA-v3q9-hj7j-63hq, CVE-2026-30227, CVE-2015-9097).

Every text that a caller can bring into a command, with each control character at its end, in its middle and in quotes:
an error of the caller's before one octet is written (I3), after which the connection goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.peers import ScriptedPeer
from tests.smtp.advisories.support import ANY_BREAKS, BREAKS, CONTROLS, LOCAL, greeted
from tests.smtp.support import HELLO, PARTING, RECIPIENT, SENDER, TEXT, letter
from transfer import smtp
from transfer.smtp import Mail, Parameters, Recipient

Call = Callable[[smtp.SMTP, str], Awaitable[object]]

# What has a grammar, in which no line separator of Unicode has a place either.
CALLS: dict[str, Call] = {
    "ehlo": lambda client, bad: client.ehlo(hostname=f"a{bad}b"),
    "helo": lambda client, bad: client.helo(hostname=f"a{bad}b"),
    "vrfy": lambda client, bad: client.vrfy(f"a{bad}b"),
    "vrfy options": lambda client, bad: client.vrfy("a", options=[f"X{bad}"]),
    "expn": lambda client, bad: client.expn(f"a{bad}b@x"),
    "expn options": lambda client, bad: client.expn("a", options=[f"X=1{bad}"]),
    "mail": lambda client, bad: client.mail(f"a@x{bad}RSET"),
    "mail quoted": lambda client, bad: client.mail(f'"a{bad}b"@x'),
    "mail quoted pair": lambda client, bad: client.mail(f'"a\\{bad}b"@x'),
    "mail literal": lambda client, bad: client.mail(f"a@[192.0.2.1{bad}]"),
    "mail options": lambda client, bad: client.mail("a@x", options=[f"SIZE=1{bad}RSET"]),
    "mail option's name": lambda client, bad: client.mail("a@x", options=[f"SI{bad}ZE=1"]),
    "mail utf-8": lambda client, bad: client.mail(f"\u00e9{bad}@x", encoding="utf-8"),
    "rcpt": lambda client, bad: client.rcpt(f"a@x{bad}RSET"),
    "rcpt angled": lambda client, bad: client.rcpt(f"<a@x>{bad}"),
    "rcpt options": lambda client, bad: client.rcpt("a@x", options=[f"NOTIFY{bad}=NEVER"]),
    "starttls": lambda client, bad: client.starttls(server_hostname=f"a{bad}b"),
    "sendmail sender": lambda client, bad: client.sendmail(f"a@x{bad}", RECIPIENT, TEXT),
    "sendmail recipient": lambda client, bad: client.sendmail(SENDER, [RECIPIENT, f"a@x{bad}DATA"], TEXT),
    "sendmail mail_options": lambda client, bad: client.sendmail(SENDER, RECIPIENT, TEXT, mail_options=[f"X=1{bad}Y"]),
    "sendmail rcpt_options": lambda client, bad: client.sendmail(SENDER, RECIPIENT, TEXT, rcpt_options=[f"X=1{bad}Y"]),
    "send_message sender": lambda client, bad: client.send_message(letter(), sender=f"a{bad}@x"),
    "send_message recipients": lambda client, bad: client.send_message(letter(), recipients=[f"a{bad}@x"]),
    "send_message mail_options": lambda client, bad: client.send_message(letter(), mail_options=[f"X{bad}"]),
    "send_message rcpt_options": lambda client, bad: client.send_message(letter(), rcpt_options=[f"X{bad}"]),
    "deliver sender": lambda client, bad: client.deliver(Mail(TEXT, sender=f"a{bad}@x", recipients="b@x")),
    "deliver recipient": lambda client, bad: client.deliver(
        Mail(TEXT, sender="a@x", recipients=Recipient(f"b@x{bad}"))
    ),
    "ORCPT": lambda client, bad: client.deliver(Mail(TEXT, sender="", recipients=Recipient("b@x", orcpt=f"c@x{bad}"))),
    "ENVID": lambda client, bad: client.deliver(Mail(letter(), parameters=Parameters(envid=f"q{bad}1"))),
    "NOTIFY": lambda client, bad: client.deliver(Mail(letter(), parameters=Parameters(notify=f"NEVER{bad}"))),
    "RET": lambda client, bad: client.deliver(Mail(letter(), parameters=Parameters(ret=f"FULL{bad}"))),
    "BY": lambda client, bad: client.deliver(Mail(letter(), parameters=by(f"R{bad}"))),
}
# What goes out as the caller spells it, where only octets that end a line or a command are looked for.
RAW: dict[str, Call] = {
    "execute_command verb": lambda client, bad: client.execute_command(b"NO" + bad.encode() + b"OP"),
    "execute_command argument": lambda client, bad: client.execute_command(b"VRFY", b"a" + bad.encode()),
    "execute_command secret": lambda client, bad: client.execute_command(b"AUTH", b"PLAIN", b"AA==" + bad.encode()),
}
# What goes out in base64, where a tab harms nobody.
CREDENTIALS: dict[str, Call] = {
    "login name": lambda client, bad: client.login(f"a{bad}b", "secret"),
    "login password": lambda client, bad: client.login("anna", f"secret{bad}"),
    "auth_plain name": lambda client, bad: client.auth_plain(f"a{bad}b", "secret"),
    "auth_plain password": lambda client, bad: client.auth_plain("anna", f"secret{bad}".encode()),
    "auth_login name": lambda client, bad: client.auth_login(f"a{bad}b".encode(), "secret"),
    "auth_login password": lambda client, bad: client.auth_login("anna", f"secret{bad}"),
    "auth_crammd5 name": lambda client, bad: client.auth_crammd5(f"a{bad}b", "secret"),
    "auth_crammd5 password": lambda client, bad: client.auth_crammd5("anna", f"secret{bad}"),
    "auth_xoauth2 name": lambda client, bad: client.auth_xoauth2(f"a{bad}b", "secret"),
    "auth_xoauth2 token": lambda client, bad: client.auth_xoauth2("anna", f"secret{bad}"),
}
MATRIX = [
    *((call, ANY_BREAKS, name) for name, call in CALLS.items()),
    *((call, CONTROLS, name) for name, call in RAW.items()),
    *((call, BREAKS, name) for name, call in CREDENTIALS.items()),
]


def by(mode: Any) -> Parameters:
    return Parameters(deliver_by=smtp.DeliverBy(60, mode))


@pytest.mark.parametrize(("call", "bads"), [pytest.param(call, bads, id=name) for call, bads, name in MATRIX])
async def test_calls_write_nothing(call: Call, bads: list[str]) -> None:
    """GHSA-v3q9-hj7j-63hq, CVE-2026-30227, CVE-2015-9097; GHSA-vvjj-xcjg-gr5g for the name in EHLO."""
    async with greeted() as (client, _):
        for bad in bads:
            with pytest.raises(LOCAL) as caught:
                await call(client, bad)
            assert "secret" not in str(caught.value)
            # What a log or a terminal shows of it is one line, too.
            assert str(caught.value).isprintable(), ascii(bad)


@pytest.mark.parametrize("bad", BREAKS, ids=repr)
@pytest.mark.parametrize("name", ["sender", "recipients", "mail_options", "rcpt_options"])
@pytest.mark.parametrize("message", [TEXT, letter()], ids=["octets", "object"])
async def test_send_writes_nothing_of_the_mail(bad: str, name: str, message: Any) -> None:
    value: Any = f"a{bad}b" if name in {"sender", "recipients"} else [f"X=1{bad}Y"]
    given: dict[str, Any] = {"sender": SENDER, "recipients": RECIPIENT} | {name: value}
    with ScriptedPeer() as peer:
        peer.script(HELLO, *PARTING)
        with pytest.raises(LOCAL):
            await smtp.send(message, hostname=peer.host, port=peer.port, start_tls=False, **given)
        await peer.served()

    assert peer.received == b"QUIT\r\n"
