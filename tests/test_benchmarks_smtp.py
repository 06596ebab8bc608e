"""The benchmarks of mail: what they send, whom they compare with whom, and the network that they put in between."""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from benchmarks import smtp, smtp_body, smtp_bulk, smtp_latency
from benchmarks.children import HOST, python_peer
from benchmarks.mailing import Mailing
from benchmarks.model import Series, Target
from benchmarks.programs.bulk import Job
from benchmarks.programs.messages import make_attachment, make_numbered, make_octets, make_recipients
from benchmarks.smtp_body import write_message

LOOPS = ("asyncio", "uvloop", "trio")
TIMEOUT_SECONDS = 10


def reached(targets: Iterator[Target]) -> dict[str, float | None]:
    return {target.what: target.reached for target in targets}


def series(case: str, contestant: str, value: float, peak_mib: float | None = None) -> Series:
    peaks = () if peak_mib is None else (peak_mib, peak_mib)
    return Series(case=case, contestant=contestant, unit="MB/s", values=(value, value), peak_mib=peaks)


# -- Who is compared with whom ----------------------------------------------------------------------------------------


def test_smtp_compares_us_with_the_peer_on_the_same_loop_and_trio_with_asyncio() -> None:
    values = {
        ("octets, asyncio", "transfer"): (6.0, 6.0),
        ("octets, asyncio", "transfer, send_many"): (20.0, 20.0),
        ("octets, asyncio", "aiosmtplib"): (2.0, 2.0),
        ("octets, uvloop", "transfer"): (8.0, 8.0),
        ("octets, uvloop", "transfer, send_many"): (25.0, 25.0),
        ("octets, uvloop", "aiosmtplib"): (5.0, 5.0),
        ("octets, trio", "transfer"): (3.0, 3.0),
        ("octets, trio", "transfer, send_many"): (10.0, 10.0),
        ("octets, no loop", "smtplib"): (4.0, 4.0),
        ("octets, no loop", "smtp-source -s 1"): (20.0, 20.0),
        ("octets, no loop", "smtp-source -s 1 -d"): (40.0, 40.0),
        ("attachment, asyncio", "transfer"): (9.0, 9.0),
        ("attachment, asyncio", "aiosmtplib"): (3.0, 3.0),
    }

    assert reached(smtp.compare(values)) == {
        "octets, asyncio: speed against aiosmtplib": 3.0,
        "octets, asyncio: speed against smtplib": 1.5,
        "octets, uvloop: speed against aiosmtplib": 1.6,
        "octets, uvloop: speed against smtplib": 2.0,
        "octets, trio: speed against smtplib": 0.75,
        "octets: speed on trio against asyncio": 0.5,
        "send_many, asyncio: speed against aiosmtplib": 10.0,
        "send_many, asyncio: speed against smtplib": 5.0,
        "send_many, asyncio: speed against smtp-source -s 1 -d": 0.5,
        "send_many, uvloop: speed against aiosmtplib": 5.0,
        "send_many, uvloop: speed against smtplib": 6.25,
        "send_many, uvloop: speed against smtp-source -s 1 -d": 0.625,
        "send_many, trio: speed against smtplib": 2.5,
        "send_many, trio: speed against smtp-source -s 1 -d": 0.25,
        "send_many: speed on trio against asyncio": 0.5,
        "attachment, asyncio: speed against aiosmtplib": 3.0,
        "attachment, uvloop: speed against aiosmtplib": None,
    }


def test_bulk_compares_times_with_both_settings_of_the_generator_and_memory_with_a_fifth() -> None:
    found = {
        (each.case, each.contestant): each
        for each in (
            series("eight connections, trio", "transfer", 50, peak_mib=3.5),
            series("eight connections, a fifth of the messages, trio", "transfer", 50, peak_mib=3),
            series("eight connections, no loop", "smtp-source -s 8", 25),
            series("eight connections, no loop", "smtp-source -s 8 -d", 75),
        )
    }

    known = {what: value for what, value in reached(smtp_bulk.compare(found)).items() if value is not None}

    assert known == {
        "trio: time against smtp-source -s 8 -d": 1.5,
        "trio: time against smtp-source -s 8": 0.5,
        "trio: peak memory of all messages, above that of a fifth of them": 0.5,
    }


def test_latency_holds_round_trips_for_each_message_and_in_all() -> None:
    values = {
        ("a row of messages, trio", "transfer, send_many"): (1.1, 1.2, 9.0),
        ("a row of messages, trio", "transfer"): (2.0,),
        ("100 recipients, trio", "transfer"): (2.0, 3.0, 4.5),
    }

    known = [each for each in smtp_latency.compare(values) if each.reached is not None]

    assert [(each.what, each.reached, each.wanted) for each in known] == [
        ("100 messages by send_many, trio: for each", 1.2, 1.3),
        ("one message to 100 recipients, trio: in all", 3.0, 4.0),
    ]


def test_body_compares_speed_at_the_smaller_size_and_holds_the_highest_memory_at_the_larger() -> None:
    found = {
        (each.case, each.contestant): each
        for each in (
            series("100 MB, uvloop", "transfer, octets", 40),
            series("100 MB, uvloop", "transfer, file", 30),
            series("100 MB, uvloop", "aiosmtplib", 10),
            series("1 GiB, uvloop", "transfer, iterator", 40, peak_mib=2),
        )
    }

    known = {what: value for what, value in reached(smtp_body.compare(found)).items() if value is not None}

    assert known == {
        "octets of 100 MB, uvloop: speed against aiosmtplib": 4.0,
        "file of 100 MB, uvloop: speed against aiosmtplib": 3.0,
        "iterator of 1 GiB, uvloop: peak memory above idle": 2.0,
    }


def test_nothing_is_held_without_a_server() -> None:
    targets = [
        *smtp.compare({}),
        *smtp_bulk.compare({}),
        *smtp_latency.compare({}),
        *smtp_body.compare({}),
    ]

    assert not any(target.is_held for target in targets)
    assert len({target.what for target in targets}) == len(targets)


def test_every_case_has_us_on_each_loop_and_no_contestant_twice() -> None:
    mailing = Mailing(port=0, count=1)
    large = smtp_body.Large(0, Path("large"), 1)
    for entries in (
        smtp.contestants(mailing, "octets"),
        smtp_bulk.contestants(mailing, mailing),
        smtp_latency.contestants(mailing, Mailing(port=0, count=2)),
        smtp_body.contestants(large, large),
    ):
        keys = [(case, contestant.name) for case, contestant in entries]
        assert len(set(keys)) == len(keys)
        cases = {case.rpartition(", ")[0] for case, _ in keys}
        ours = {case for case, name in keys if name.startswith("transfer")}
        assert ours == {f"{case}, {loop}" for case in cases for loop in LOOPS}


# -- What is sent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [100, 2000, 2001, 2047])
def test_benchmark_messages_are_clean_and_of_their_size(size: int) -> None:
    message = make_octets(size)

    assert abs(len(message) - size) <= 2
    assert message.count(b"\r\n") == message.count(b"\n")
    assert message.endswith(b"\r\n")


def test_numbered_messages_are_of_their_size_and_no_two_are_alike() -> None:
    messages = list(make_numbered(2000, 5, 20))

    assert len(set(messages)) == 20
    assert all(abs(len(message) - 2000) <= 2 for message in messages)
    assert message_from_bytes(messages[0])["Message-ID"] == "<00000005@example.com>"


def test_connections_share_all_messages_and_none_twice() -> None:
    job = Job(port=0, count=10, size=200, connections=3)
    dealt = [message for connection in range(3) for message in job.share(connection)]

    assert dealt == list(make_numbered(200, 0, 10))


def test_attachment_has_its_size() -> None:
    message = message_from_bytes(make_attachment(100_000).as_bytes(), policy=policy.default)

    (attachment,) = message.iter_attachments()
    assert len(attachment.get_content()) == 100_000


def test_recipients_are_as_many_as_wanted_and_differ() -> None:
    assert len(make_recipients(1)) == 1
    assert len(set(make_recipients(100))) == 100


@pytest.mark.parametrize("size", [1000, 3 << 20])
def test_large_message_is_base64_in_whole_lines_and_of_its_size(tmp_path: Path, size: int) -> None:
    path = tmp_path / "message"
    write_message(path, size)

    octets = path.read_bytes()
    _, _, body = octets.partition(b"\r\n\r\n")
    assert abs(len(octets) - size) <= 78
    assert body.count(b"\r\n") * 78 == len(body)
    assert {len(line) for line in body.split(b"\r\n")} == {76, 0}
    assert base64.b64decode(body, validate=False)


# -- The network in between -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def proxied() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection through the proxy, which adds no delay here."""
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(TIMEOUT_SECONDS)
        with (
            python_peer("delay", str(listener.getsockname()[1]), "0.001") as port,
            socket.create_connection((HOST, port), TIMEOUT_SECONDS) as client,
            listener.accept()[0] as server,
        ):
            server.settimeout(TIMEOUT_SECONDS)
            yield client, server


def received(connection: socket.socket) -> bytes:
    """All that comes until the end."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_proxy_hands_everything_on_in_order_and_each_end_by_itself() -> None:
    octets = b"".join(b"%08d" % number for number in range(10_000))
    with proxied() as (client, server):
        for start in range(0, len(octets), 1000):
            client.sendall(octets[start : start + 1000])
        client.shutdown(socket.SHUT_WR)
        assert received(server) == octets

        server.sendall(b"reply")
        server.shutdown(socket.SHUT_WR)
        assert received(client) == b"reply"


def test_proxy_tells_the_other_side_when_one_has_gone() -> None:
    with proxied() as (client, server):
        server.close()

        assert received(client) == b""
