"""Peers on real sockets for the tests: scripted ones, and small servers."""

from __future__ import annotations

from tests.peers.mini_ftp import MiniFTP
from tests.peers.mini_proxy import MiniProxy
from tests.peers.mini_smtp import Message, MiniSMTP
from tests.peers.replies import CLOSE, HANG
from tests.peers.scripted import Connection, ScriptedPeer
from tests.peers.server import PeerServer
from tests.peers.steps import (
    Step,
    accept_data,
    call,
    close,
    close_data,
    connect_data,
    data_tls,
    drip,
    expect,
    expect_eof,
    expect_line,
    expect_until,
    half_close,
    hang,
    listen_data,
    pause,
    receive_data,
    reset,
    reset_data,
    send,
    send_data,
    send_split,
    start_tls,
)
from tests.peers.wire import CutMode

__all__ = [
    "CLOSE",
    "HANG",
    "Connection",
    "CutMode",
    "Message",
    "MiniFTP",
    "MiniProxy",
    "MiniSMTP",
    "PeerServer",
    "ScriptedPeer",
    "Step",
    "accept_data",
    "call",
    "close",
    "close_data",
    "connect_data",
    "data_tls",
    "drip",
    "expect",
    "expect_eof",
    "expect_line",
    "expect_until",
    "half_close",
    "hang",
    "listen_data",
    "pause",
    "receive_data",
    "reset",
    "reset_data",
    "send",
    "send_data",
    "send_split",
    "start_tls",
]
