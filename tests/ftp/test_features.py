from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer._wire.dialect import FTP_CLIENT
from transfer._wire.reply import Reply, ReplyParser
from transfer.ftp._features import Features, parse_features

TYPICAL = b"""211-Features:
 MDTM
 MFMT
 TVFS
 AUTH TLS
 MLST Type*;Size*;Modify*;Perm;Unique;UNIX.mode;
 HASH SHA-256*;sha-1;MD5
 XCRC
 REST STREAM
 LANG en-US.UTF-8*;de-DE
 UTF8
 SIZE
 clnt
 AUTH SSL
211 End
"""


def read(octets: bytes) -> Features:
    parser = ReplyParser(FTP_CLIENT)
    parser.feed(octets)
    reply = parser.next_reply()
    assert reply is not None
    return parse_features(reply)


def test_features_are_read() -> None:
    features = read(TYPICAL)
    assert list(features.parameters) == [
        "MDTM", "MFMT", "TVFS", "AUTH", "MLST", "HASH", "XCRC", "REST", "LANG", "UTF8", "SIZE", "CLNT",
    ]  # fmt: skip
    assert features.parameters["LANG"] == "en-US.UTF-8*;de-DE"
    assert features.parameters["SIZE"] == ""
    assert features.mlst_facts == ("type", "size", "modify", "perm", "unique", "unix.mode")
    assert features.mlst_default_facts == ("type", "size", "modify")
    assert features.hash_algorithms == ("SHA-256", "SHA-1", "MD5")
    assert features.hash_selected == "SHA-256"
    assert features.checksum_commands == ("HASH", "XCRC")
    assert features.rest_stream
    assert features.utf8
    assert features.has_mlsx
    assert features.auth_tls
    assert "size" in features
    assert "EPSV" not in features
    assert features


def test_a_name_given_twice_keeps_both_parameters() -> None:
    assert read(TYPICAL).values("AUTH") == ("TLS", "SSL")
    assert read(b"211-x\n EPSV\n EPSV ALL\n EPSV\n211 End\n").parameters["EPSV"] == "ALL"


@pytest.mark.parametrize(
    "lines",
    [
        b"MDTM\nREST STREAM\n",
        b"211-MDTM\n211-REST STREAM\n",
        b"211- MDTM\n211- REST STREAM\n",
        b"  MDTM\n\tREST\tSTREAM \n",
        b" mdtm\n rest stream\n",
        b" MDTM\n\n REST STREAM\n   \n",
    ],
)
def test_lines_are_read_with_and_without_their_space(lines: bytes) -> None:
    features = read(b"211-Features\n" + lines + b"211 End\n")
    assert list(features.parameters) == ["MDTM", "REST"]
    assert features.rest_stream


@pytest.mark.parametrize(
    "octets",
    [
        b"211 no features\n",
        b"211-Features\n211 End\n",
        b"500 what?\n",
        b"502 not implemented\n",
        b"530-log in first\n MDTM\n530 please\n",
        b"421 bye\n",
    ],
)
def test_no_features_are_no_fault(octets: bytes) -> None:
    features = read(octets)
    assert not features
    assert features == Features()
    assert features.mlst_facts == features.hash_algorithms == features.checksum_commands == ()
    assert features.hash_selected is None
    assert {features.rest_stream, features.utf8, features.has_mlsx, features.auth_tls} == {False}


@pytest.mark.parametrize(("line", "expected"), [("AUTH TLS;TLS-C;SSL", True), ("AUTH KERBEROS_V4", False)])
def test_tls_is_offered_in_several_ways(line: str, expected: bool) -> None:
    assert parse_features(Reply(211, ("x", line, "End"))).auth_tls is expected


@pytest.mark.parametrize("line", [" REST STREAMS", " REST", " XREST STREAM"])
def test_rest_is_offered_by_its_parameter(line: str) -> None:
    assert not parse_features(Reply(211, ("x", line, "End"))).rest_stream


@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_any_lines_are_features(lines: list[str]) -> None:
    features = parse_features(Reply(211, tuple(lines)))
    assert len(features.parameters) <= max(0, len(lines) - 2)
    assert all(name == name.upper() and name.isascii() and " " not in name for name in features.parameters)


def test_features_are_values() -> None:
    features = read(TYPICAL)
    assert pickle.loads(pickle.dumps(features)) == features
    with pytest.raises(AttributeError):
        features.parameters = {}  # type: ignore[misc]  # it is frozen
