"""smtp-sink, the discarding server that comes with Postfix; its options make it slow, strict or wrong.

The ones that tests want: ``-q``/``-Q`` COMMANDS close the connection (421 first), ``-r``/``-f`` COMMANDS answer 4xx
or 5xx, ``-b``/``-B`` REPLY set the text of those, ``-e`` no EHLO, ``-8`` no 8BITMIME, ``-p`` no PIPELINING,
``-w SECONDS`` delays the reply to DATA, ``-L`` speaks LMTP, ``-M``/``-n`` COUNT end after so many messages or
sessions.
"""

from __future__ import annotations

import os
from typing import Protocol

from tests.interop._mailboxes import SinkDumps
from tests.interop._packages import PEER_USER, hand_over, installed, peer_account
from tests.interop._ports import free_port
from tests.interop._process import ServerProcess
from tests.interop._servers import HOST, Site, SmtpServer

_BACKLOG = "100"


class SmtpSinkFactory(Protocol):
    """What the fixture ``smtp_sink`` gives to a test: ``start`` without the site."""

    def __call__(self, *options: str, keep_messages: bool = True) -> SmtpServer: ...


def start(site: Site, *options: str, keep_messages: bool = True) -> SmtpServer:
    """Start smtp-sink with *options*.

    Args:
        keep_messages: write each message to a file, for ``messages()``; False leaves the sink as fast as it can be.
    """
    program = installed("smtp-sink", "postfix")
    port = free_port()
    command: list[str] = [str(program), *options]
    dumps = site.folder / "mail"
    dumps.mkdir()
    if keep_messages:
        # The sink expands the template by strftime(3) and appends a number of its own.
        command += ["-d", f"{dumps}/%s."]
    if os.geteuid() == 0:  # as root it insists on another user
        peer_account()
        hand_over(dumps)
        command += ["-u", PEER_USER]
    process = ServerProcess.start("smtp-sink", [*command, f"inet:{HOST}:{port}", _BACKLOG], site.folder)
    site.cleanup.callback(process.stop)
    process.wait_until_listening(HOST, port)
    return SmtpServer(
        name="smtp-sink",
        port=port,
        ca_file=None,
        features=frozenset({"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"}),
        folder=site.folder,
        mailbox=SinkDumps(dumps) if keep_messages else None,
    )
