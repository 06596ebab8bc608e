from __future__ import annotations

import contextlib
import socket

import anyio
import anyio.lowlevel
import pytest

from tests.harness import CutOutcome, cut_everywhere
from tests.harness.channel import Channel, dial
from tests.peers import CutMode, ScriptedPeer, accept_data, close_data, expect, listen_data, send, send_data
from transfer._errors import DisconnectedError


def answering() -> ScriptedPeer:
    peer = ScriptedPeer()
    peer.script(send(b"hello\n"), expect(b"ONE\n"), send(b"one\n"))
    return peer


async def converse(peer: ScriptedPeer) -> bytes:
    with contextlib.closing(dial(peer.host, peer.port)) as channel:
        try:
            assert await channel.read_line() == b"hello"
        except OSError as exc:
            raise DisconnectedError(str(exc)) from exc
        return await channel.exchange(b"ONE\n")


async def content_of(host: str, port: int) -> bytes:
    """What comes on a data connection until it ends, in whatever way."""
    try:
        channel = dial(host, port)
    except DisconnectedError:
        return b""
    with contextlib.closing(channel), contextlib.suppress(DisconnectedError, ConnectionResetError):
        await channel.read_line()
    return channel.buffer


# -- what is good passes


async def test_every_octet_is_cut_once_per_mode() -> None:
    seen: list[CutOutcome] = []
    sweep = await cut_everywhere(converse, answering, check=lambda outcome, peer: seen.append(outcome))
    assert sweep.points == len(b"hello\none\n")
    assert [outcome.after for outcome in seen] == [None, *range(12), *range(12)]
    for outcome in seen:
        whole = outcome.after is None or outcome.after >= sweep.points
        assert outcome.was_cut == (outcome.after is not None and outcome.after <= sweep.points)
        assert (outcome.value == b"one") == whole
        assert isinstance(outcome.exception, DisconnectedError) != whole


async def test_a_stride_skips_octets() -> None:
    sweep = await cut_everywhere(converse, answering, stride=5, modes=[CutMode.RESET])
    assert sweep.runs == 1 + len([0, 5, 10, 15])


async def test_data_connections_are_cut_apart_from_control_connections() -> None:
    def factory() -> ScriptedPeer:
        peer = ScriptedPeer()
        peer.script(
            listen_data("d"),
            send(b"{d}\n"),
            accept_data("d"),
            send_data("d", b"12345"),
            close_data("d"),
            send(b"226\n"),
        )
        return peer

    async def scenario(peer: ScriptedPeer) -> tuple[bytes, bytes]:
        with contextlib.closing(dial(peer.host, peer.port)) as channel:
            port = int(await channel.read_line())
            return await content_of(peer.host, port), await channel.read_line()

    def check(outcome: CutOutcome, peer: ScriptedPeer) -> None:
        content, reply = outcome.value
        sent = b"12345"[: outcome.after]
        assert content == sent or (outcome.mode is CutMode.RESET and content == b"")  # a reset may overtake the dial
        assert reply == (b"426 data connection cut\r" if outcome.was_cut else b"226")

    assert (await cut_everywhere(scenario, factory, check=check, data=True)).points == 5


# -- what is bad is reported


async def test_an_exception_of_another_family_is_reported() -> None:
    async def scenario(peer: ScriptedPeer) -> None:
        with contextlib.closing(Channel(socket.create_connection((peer.host, peer.port)))) as channel:
            if await channel.read_line() != b"hello":
                raise ValueError
            await channel.exchange(b"ONE\n")

    with pytest.raises(AssertionError, match="the cut came out as ConnectionResetError") as caught:
        await cut_everywhere(scenario, answering)
    assert caught.value.__notes__ == ["cut_everywhere: reset after octet 0 on control connections"]


async def test_a_client_that_waits_on_is_reported() -> None:
    async def scenario(peer: ScriptedPeer) -> None:
        if peer.cut_after is not None:
            await anyio.sleep_forever()

    with pytest.raises(AssertionError, match=r"hang: no end within 0.02 s, at .*sleep_forever"):
        await cut_everywhere(scenario, lambda: ScriptedPeer(client_may_leave=True), bound_seconds=0.02)


async def test_a_socket_left_open_is_reported() -> None:
    kept = []

    async def scenario(peer: ScriptedPeer) -> None:
        channel = Channel(socket.create_connection((peer.host, peer.port)))
        kept.append(channel)
        try:
            await channel.read_line()
            await channel.exchange(b"ONE\n")
        except OSError as exc:
            raise DisconnectedError from exc
        channel.close()

    with pytest.raises(AssertionError, match="left open: socket"):
        await cut_everywhere(scenario, answering, settle_seconds=0.01)
    for channel in kept:
        channel.close()


async def test_what_the_peer_complains_of_is_reported() -> None:
    async def scenario(peer: ScriptedPeer) -> None:
        with contextlib.closing(Channel(socket.create_connection((peer.host, peer.port)))) as channel:
            await channel.read_line()
            channel.socket.sendall(b"TWO\n")
            await anyio.wait_readable(channel.socket)

    with pytest.raises(AssertionError, match="received b'TWO"):
        await cut_everywhere(scenario, answering)


async def test_a_failure_without_a_cut_is_reported() -> None:
    async def scenario(peer: ScriptedPeer) -> None:
        await converse(peer)
        raise DisconnectedError("for no reason")

    with pytest.raises(AssertionError, match="nothing was cut, and still came DisconnectedError"):
        await cut_everywhere(scenario, answering)


async def test_an_endless_peer_is_reported() -> None:
    with pytest.raises(AssertionError, match="more than 3 octets"):
        await cut_everywhere(converse, answering, limit=3)
