"""What is said around the login, and what is remembered of a server."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.ftp.support import connected, logged_in, said
from tests.peers import MiniFTP
from transfer import ftp

FEATURES = ("EPSV", "PASV", "MLST type*;size*;modify*;", "REST STREAM", "SIZE", "MDTM", "UTF8", "CLNT", "HOST")


# -- HOST, CLNT, OPTS --------------------------------------------------------------------------------------------------


async def test_the_host_is_named_before_the_login(ftp_server: MiniFTP) -> None:
    """RFC 7151 §3."""
    ftp_server.replies["HOST"] = "220 welcome there"
    async with await logged_in(ftp_server, virtual_host="files.example"):
        pass
    assert [line.split()[0] for line in ftp_server.commands[:2]] == ["HOST", "USER"]
    assert said(ftp_server, "HOST") == ["HOST files.example"]


async def test_a_host_that_there_is_not_is_not_logged_in_to(ftp_server: MiniFTP) -> None:
    ftp_server.replies["HOST"] = "504 no such host"
    async with await connected(ftp_server, virtual_host="files.example") as client:
        with pytest.raises(ftp.StatusCodeError, match="504"):
            await client.login()
    assert said(ftp_server, "USER", "PASS") == []


async def test_after_the_login_a_server_is_told_what_it_says_that_it_understands(ftp_server: MiniFTP) -> None:
    ftp_server.features = FEATURES
    ftp_server.replies["CLNT"] = "200 hello"
    async with await logged_in(ftp_server, negotiate=True, client_name="reports 1.0") as client:
        assert "SIZE" in await client.features()
    assert said(ftp_server, "CLNT") == ["CLNT reports 1.0"]
    assert said(ftp_server, "OPTS") == ["OPTS UTF8 ON"]
    assert said(ftp_server, "FEAT") == ["FEAT"], "it is asked once"


async def test_without_being_told_to_nothing_is_negotiated(ftp_server: MiniFTP) -> None:
    ftp_server.features = FEATURES
    async with await logged_in(ftp_server):
        pass
    assert said(ftp_server, "FEAT", "CLNT", "OPTS") == []


@pytest.mark.parametrize("features", [(), ("EPSV",)])
async def test_what_a_server_does_not_announce_is_not_said(ftp_server: MiniFTP, features: tuple[str, ...]) -> None:
    ftp_server.features = features
    async with await logged_in(ftp_server, negotiate=True, client_name="reports 1.0") as client:
        assert await client.exists("/")
    assert said(ftp_server, "CLNT", "OPTS") == []


@pytest.mark.parametrize("verb", ["FEAT", "CLNT", "OPTS"])
async def test_a_refusal_of_what_is_negotiated_is_no_failure(ftp_server: MiniFTP, verb: str) -> None:
    ftp_server.features = FEATURES
    ftp_server.replies |= {"CLNT": "200 hello", verb: "500 what?"}
    async with await logged_in(ftp_server, negotiate=True, client_name="reports 1.0") as client:
        assert await client.exists("/")


# -- profiles ----------------------------------------------------------------------------------------------------------


async def test_what_was_found_out_is_not_found_out_again(ftp_server: MiniFTP) -> None:
    ftp_server.replies |= {"EPSV": "502 no", "MLSD": "502 no", "MLST": "502 no"}
    ftp_server.files["/file"] = b"abc"
    async with await logged_in(ftp_server) as client:
        await client.list()
        saved = client.profile.to_json()
    json.loads(saved)
    ftp_server.commands.clear()
    async with await logged_in(ftp_server, profile=ftp.ServerProfile.from_json(saved)) as client:
        assert [path.name for path, _ in await client.list()] == ["file"]
    assert said(ftp_server, "EPSV", "MLSD") == []
    assert said(ftp_server, "PASV") == ["PASV"]


async def test_a_profile_of_another_server_is_not_believed(ftp_server: MiniFTP) -> None:
    other = ftp.ServerProfile(host="elsewhere.example", port=21, ways=("pasv", "epsv"))
    async with await logged_in(ftp_server, profile=other) as client:
        await client.list()
    assert said(ftp_server, "EPSV", "PASV") == ["EPSV"]


async def test_a_profile_that_does_not_hold_any_more_is_corrected(ftp_server: MiniFTP) -> None:
    ftp_server.replies["PASV"] = "502 no more"
    profile = ftp.ServerProfile(host=ftp_server.host, port=ftp_server.port, ways=("pasv", "epsv"))
    async with await logged_in(ftp_server, profile=profile) as client:
        await client.list()
        assert client.profile.ways[0] == "epsv"


def test_a_profile_comes_back_from_json_as_it_was() -> None:
    profile = ftp.ServerProfile(
        host="h",
        port=2121,
        ways=("pasv", "epsv"),
        lacks=frozenset({"MLSD"}),
        features={"SIZE": ""},
        clock_offset=timedelta(hours=2),
    )
    assert ftp.ServerProfile.from_json(profile.to_json()) == profile


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 99}'])
def test_a_profile_is_not_made_of_something_else(text: str) -> None:
    with pytest.raises(ValueError):  # json's own, or ours
        ftp.ServerProfile.from_json(text)
