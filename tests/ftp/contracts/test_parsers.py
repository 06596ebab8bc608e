"""The methods that read replies and listings: called, and overridden, as programs do it."""

from __future__ import annotations

import inspect
import ssl
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import aioftp
import anyio
import pytest

from tests.peers import MiniFTP
from transfer import TLS, ftp

REPLY_TEXTS = ["parse_epsv_response", "parse_pasv_response", "parse_directory_response"]
PARTS = ["parse_unix_mode", "format_date_time", "parse_ls_date"]
LINES = ["parse_list_line_unix", "parse_list_line_windows", "parse_list_line", "parse_mlsx_line"]
REPLIES = ["check_codes", "parse_line", "parse_response"]
NOW = datetime(2024, 6, 15, 12, 0)  # noqa: DTZ001  # a server's clock

RESULTS: list[tuple[str, tuple[Any, ...]]] = [
    ("parse_epsv_response", ("Entering Extended Passive Mode (|||6446|).",)),
    ("parse_epsv_response", ("(|||1|) is old, (!!!65535!) is new",)),
    ("parse_pasv_response", ("Entering Passive Mode (127,0,0,1,200,13).",)),
    ("parse_directory_response", ('"/a ""b"" c" is the current directory',)),
    ("parse_unix_mode", ("rwxr-xr-x",)),
    ("parse_unix_mode", ("rwsr-sr-x",)),
    ("format_date_time", (NOW,)),
    ("parse_ls_date", ("Nov 18  1958",)),
    ("parse_list_line_unix", (b"-rw-r--r-- 1 o g 12 Jan  5  2020 a b\r\n",)),
    ("parse_list_line_unix", (b"lrwxrwxrwx 1 o g 12 Jan  5  2020 a -> b/\r\n",)),
    ("parse_list_line_windows", (b"07/09/2015  03:56 PM    <DIR>          Documents\r\n",)),
    ("parse_list_line", (b"06/01/2016  05:11 PM         1,234,567 a.txt\r\n",)),
    ("parse_mlsx_line", (b"Type=file;Size=1; a b\r\n",)),
    ("parse_mlsx_line", ("type=dir; a",)),
]


def parameters(client_class: Any, name: str) -> list[tuple[Any, ...]]:
    signature = inspect.signature(getattr(client_class, name))
    return [(each.name, each.kind, each.default) for each in signature.parameters.values()]


@pytest.mark.parametrize("name", [*REPLY_TEXTS, *PARTS, *LINES, *REPLIES])
def test_a_parser_is_called_as_before(name: str) -> None:
    theirs, ours = inspect.getattr_static(aioftp.Client, name), inspect.getattr_static(ftp.Client, name)
    assert isinstance(ours, staticmethod) == isinstance(theirs, staticmethod)
    assert isinstance(ours, classmethod) == isinstance(theirs, classmethod)
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)
    assert parameters(ftp.Client, name) == parameters(aioftp.Client, name)


@pytest.mark.parametrize(("name", "arguments"), RESULTS)
def test_a_parser_returns_the_same(name: str, arguments: tuple[Any, ...]) -> None:
    assert getattr(ftp.Client(), name)(*arguments) == getattr(aioftp.Client(), name)(*arguments)


@pytest.mark.parametrize("shown", ["Jan 05 12:30", "Dec 31 23:59", "Feb 29 08:00"])
def test_a_date_without_a_year_is_near_to_the_present_told(shown: str) -> None:
    assert ftp.Client.parse_ls_date(shown, now=NOW) == aioftp.Client.parse_ls_date(shown, now=NOW)


@pytest.mark.parametrize("name", ["parse_unix_mode", "parse_ls_date"])
def test_what_cannot_be_read_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError, match="junk"):
        getattr(ftp.Client, name)("junk")


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_cannot_be_read_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError, match="junk"):
        getattr(ftp.Client(), name)(b"junk")


def test_codes_are_checked_as_before() -> None:
    ftp.Client().check_codes(("2xx", "3xx"), "331", [" ok"])
    with pytest.raises(ftp.StatusCodeError) as caught:
        ftp.Client().check_codes(("2xx",), "550", [" no"])
    assert (caught.value.expected_codes, caught.value.received_codes) == (("2xx",), ("550",))
    assert caught.value.info == [" no"]


# -- overrides ---------------------------------------------------------------------------------------------------------


class OwnLines(ftp.Client):
    """Reads a format of its own, and asks the built-in parsers about the rest."""

    def parse_list_line(self, b: bytes) -> tuple[PurePosixPath, Any]:
        if b.startswith(b"*"):
            return PurePosixPath(b[1:].decode()), {"type": "file", "size": "7"}
        return super().parse_list_line(b)


class OwnDates(ftp.Client):
    """Reads the months of a server in a language that nobody else speaks."""

    @classmethod
    def parse_ls_date(cls, s: str, *, now: datetime | None = None) -> str:
        return super().parse_ls_date(s.replace("Foo", "Jan"), now=now)

    @staticmethod
    def format_date_time(d: datetime) -> str:
        return d.strftime("%Y-%m-%d")


class OwnMode(ftp.Client):
    @staticmethod
    def parse_unix_mode(s: str) -> int:
        return 0o7 if s == "zzz------" else ftp.Client.parse_unix_mode(s)


class OwnFacts(ftp.Client):
    def parse_mlsx_line(self, b: bytes | str) -> tuple[PurePosixPath, Any]:
        path, facts = super().parse_mlsx_line(b)
        return path.with_suffix(".own"), {**facts, "own": "yes"}


class OwnReplies(ftp.Client):
    """Knows better than the server where it listens, and where it is."""

    @staticmethod
    def parse_epsv_response(s: str) -> tuple[None, int]:
        return None, int(s.rsplit(maxsplit=1)[-1])

    @staticmethod
    def parse_pasv_response(s: str) -> tuple[str, int]:
        return "192.0.2.1", int(s.rsplit(maxsplit=1)[-1])

    @staticmethod
    def parse_directory_response(s: str) -> PurePosixPath:
        return PurePosixPath("/", s.rsplit(maxsplit=1)[-1])

    def check_codes(self, expected_codes: str | tuple[str, ...], received_code: str, info: list[str]) -> None:
        if received_code != "299":
            super().check_codes(expected_codes, received_code, info)


async def listed(client_class: type[ftp.Client], *lines: str, command: str = "LIST") -> list[Any]:
    with MiniFTP(files={"/a": b"one"}) as server:
        server.list_text = lambda _names: "".join(f"{line}\r\n" for line in lines)
        async with client_class.context(server.host, server.port) as client:
            return [(str(path), info) for path, info in await client.list("/", raw_command=command)]


async def test_an_override_reads_every_line_of_list() -> None:
    own, usual = await listed(OwnLines, "*x", "-rw-r--r-- 1 o g 12 Jan  5  2020 y", "junk")
    assert own == ("/x", {"type": "file", "size": "7"})
    assert (usual[0], usual[1]["size"]) == ("/y", "12")


async def test_an_override_reads_the_dates_of_ls() -> None:
    own, other = await listed(OwnDates, "-rw-r--r-- 1 o g 12 Foo  5  2020 y", "drwxr-xr-x 1 o g 0 Jan  5  2020 d -> e")
    assert (own[0], own[1]["modify"], own[1]["unix.mode"]) == ("/y", "2020-01-05", 0o644)
    assert (other[0], other[1]["type"]) == ("/d -> e", "dir")


async def test_an_override_writes_the_dates_of_dir() -> None:
    ((_, facts),) = await listed(OwnDates, "06-07-22  12:55PM       <DIR>          x")
    assert facts["modify"] == "2022-06-07"


async def test_an_override_reads_permissions() -> None:
    own, link = await listed(
        OwnMode, "-zzz------ 1 o g 12 Jan  5  2020 y", "lrwxrwxrwx 1 o g 12 Jan  5  2020 to -> there/"
    )
    assert own[1]["unix.mode"] == 0o7
    assert (link[0], link[1]["type"], link[1]["link_dst"]) == ("/to", "dir", "there/")


async def test_an_override_reads_facts() -> None:
    with MiniFTP(files={"/a": b"one"}) as server:
        async with OwnFacts.context(server.host, server.port) as client:
            ((path, facts),) = await client.list("/")
            assert (path, facts["own"], facts["size"]) == (PurePosixPath("/a.own"), "yes", "3")
            assert (await client.stat("/a"))["own"] == "yes"


@pytest.mark.parametrize("command", ["epsv", "pasv"])
async def test_an_override_reads_the_port(command: str) -> None:
    with MiniFTP(files={"/a": b"one"}) as server:
        server.passive_texts = {"EPSV": "229 at port {port}", "PASV": "227 at port {port}"}
        async with (
            OwnReplies.context(server.host, server.port, passive_commands=(command,)) as client,
            client.download_stream("/a") as stream,
        ):
            assert await stream.read() == b"one"


async def test_an_override_reads_the_directory() -> None:
    with MiniFTP() as server:
        server.replies["PWD"] = "257 you are in a/b"
        async with OwnReplies.context(server.host, server.port) as client:
            assert await client.get_current_directory() == PurePosixPath("/a/b")


async def test_an_override_judges_codes() -> None:
    with MiniFTP() as server:
        server.replies |= {"NOOP": "299 quite well", "SYST": "500 what?"}
        async with OwnReplies.context(server.host, server.port) as client:
            assert (await client.command("NOOP", "200"))[0] == "299"
            with pytest.raises(ftp.StatusCodeError) as caught:
                await client.command("SYST", "200")
            assert (caught.value.command, caught.value.reply and caught.value.reply.code) == ("SYST", 500)


# -- replies and connections by hand -----------------------------------------------------------------------------------


@pytest.mark.parametrize("protected", [False, True])
async def test_a_program_can_send_the_command_of_a_transfer_itself(
    protected: bool, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with MiniFTP(files={"/a": b"one\ntwo\n"}, tls=server_tls_context, require_reuse=protected) as server:
        client = ftp.Client(tls=TLS(context=client_tls_context))
        await client.connect(server.host, server.port)
        if protected:
            await client.upgrade_to_tls()
        await client.login()
        reader, writer = await client.get_passive_connection("I", commands=["PASV"])
        assert await client.command("RETR a", "1xx") == ("150", [" here it comes"])
        async with reader:
            assert [await reader.readline(), await reader.read()] == [b"one\n", b"two\n"]
        assert (await client.command(None, "2xx"))[0] == "226"
        reader, writer = await client.get_passive_connection()
        await client.command("STOR b", "1xx")
        async with writer:
            await writer.write(b"three")
        await client.command(None, "2xx")
        await client.quit()
    assert server.files["/b"] == b"three"
    assert server.protected == [protected] * 2
    assert any(line == "PASV" for line in server.commands)


async def test_passive_commands_are_those_that_there_are() -> None:
    with MiniFTP() as server:
        async with ftp.Client.context(server.host, server.port) as client:
            with pytest.raises(ValueError, match="passive commands"):
                await client.get_passive_connection(commands=["spsv"])


async def test_the_control_connection_can_be_spoken_on_by_hand() -> None:
    with MiniFTP() as server:
        server.replies["SYST"] = "215 UNIX"
        client = ftp.Client()
        with pytest.raises(ftp.FTPDisconnected):
            client.stream.close()
        await client.connect(server.host, server.port)
        await client.stream.write(b"SYST\r\nQUIT\r\n")
        await anyio.sleep(0.05)
        assert await client.stream.readline() == b"215 UNIX\r\n"
        assert await client.stream.readline() == b"221 bye\r\n", "what has come early is not lost"
        client.close()


async def test_replies_are_read_whole_or_by_the_line() -> None:
    with MiniFTP() as server:
        server.replies["SYST"] = "215 one\n two\nthree"
        client = ftp.Client()
        await client.connect(server.host, server.port)
        await client.login()
        await client.command("SYST")
        assert await client.parse_response() == ("215", ["-one", " two", " three"])
        await client.command("SYST")
        assert await client.parse_line() == ("215", "-one")
        assert (await client.command("SYST", "2xx"))[0] == "215", "what is left of a reply is no answer to this"
        await client.command("SYST")
        assert [await client.parse_line() for _ in range(3)] == [("215", "-one"), (" tw", "o"), ("215", " three")]
        await client.quit()


async def test_tls_can_be_started_by_hand(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with MiniFTP(tls=server_tls_context) as server:
        client = ftp.Client()
        await client.connect(server.host, server.port)
        await client.stream.write(b"AUTH TLS\r\n")
        assert (await client.stream.readline()).startswith(b"234")
        await client.stream.start_tls(client_tls_context, "localhost")
        await client.stream.write(b"QUIT\r\n")
        assert await client.stream.readline() == b"221 bye\r\n"
        client.close()
