"""Connection URLs: which server, login, protection and directory each one names (RFC 1738 §3.2)."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.ftp.support import said
from tests.peers import MiniFTP
from transfer import ftp
from transfer.ftp._url import Address, parse_url


def address(host: str, *, port: int = 21, scheme: str = "ftp", directories: tuple[str, ...] = ()) -> Address:
    """Return what a URL without a login says."""
    return Address(host=host, port=port, user="anonymous", password="anon@", scheme=scheme, directories=directories)


@pytest.mark.parametrize(
    ("url", "said_by_it"),
    [
        ("ftp://h", address("h")),
        ("ftp://h/", address("h")),
        ("FTP://h/", address("h")),
        ("ftp://h:2121", address("h", port=2121)),
        ("ftpes://h", address("h", scheme="ftpes")),
        ("ftps://h", address("h", scheme="ftps", port=990)),
        ("FTPS://h:21/", address("h", scheme="ftps", port=21)),
        ("ftp://[2001:db8::1]:2121/a", address("2001:db8::1", port=2121, directories=("a",))),
        ("ftp://h/a/b/", address("h", directories=("a", "b"))),
        ("ftp://h//a///b", address("h", directories=("a", "b"))),
        ("ftp://h/%2F", address("h", directories=("/",))),
        ("ftp://h/%2Fpub/a", address("h", directories=("/pub", "a"))),
        ("ftp://h/a%20b%3Bc", address("h", directories=("a b;c",))),
        ("ftp://h/a;type=i", address("h", directories=("a",))),
        ("ftp://h/a;type=D", address("h", directories=("a",))),
        ("ftp://h/;type=A", address("h")),
    ],
)
def test_a_url_says_where_and_how(url: str, said_by_it: Address) -> None:
    assert parse_url(url) == said_by_it


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("ftp://anna@h", ("anna", "anon@")),
        ("ftp://anna:@h", ("anna", "")),
        ("ftp://anna:s:e@h", ("anna", "s:e")),
        ("ftp://an%40na:s%2Fe%3A@h", ("an@na", "s/e:")),
    ],
)
def test_a_login_is_that_of_the_url(url: str, login: tuple[str, str]) -> None:
    parsed = parse_url(url)
    assert (parsed.user, parsed.password) == login


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h",
        "//h/",
        "http://h/",
        "sftp://h/",
        "ftp:h",
        "ftp://",
        "ftp:///path",
        "ftp://h:port/",
        "ftp://h:0/",
        "ftp://h:65536/",
        "ftp://@h/",
        "ftp://:secret@h/",
        "ftp://anna:sec@ret@h/",
        "ftp://h/a;type=z",
        "ftp://h/a?b",
        "ftp://h/a#b",
        "ftp://h/a b",
        "ftp://h/a\nDELE b",
        "ftp://h/a%0D%0ADELE%20b",
        "ftp://anna:sec%0Aret@h/",
        "ftp://h/%zz",
    ],
)
def test_what_is_no_url_of_a_server_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError):  # each says something else
        ftp.Client.from_url(url)


@pytest.mark.parametrize("url", ["ftp://anna:secret@h:port/", "ftp://anna:secret%@h/", "ftp://anna:secret@h/%zz"])
def test_an_error_shows_no_password(url: str) -> None:
    with pytest.raises(ValueError) as caught:  # what it says is not the point
        ftp.Client.from_url(url)
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(caught.value.__cause__) + repr(caught.value.__context__)


async def test_a_url_names_server_login_and_directory(ftp_server: MiniFTP) -> None:
    ftp_server.users = {"an na": "p@ss:/word"}
    ftp_server.directories |= {"/a b", "/a b/c"}
    url = f"ftp://an%20na:p%40ss%3A%2Fword@{ftp_server.host}:{ftp_server.port}/a%20b/c"
    async with ftp.Client.from_url(url) as client:
        assert str(await client.get_current_directory()) == "/a b/c"


async def test_each_part_of_the_path_is_a_directory_to_change_to(ftp_server: MiniFTP) -> None:
    """The first from where the login leads to, unless it begins with an encoded slash."""
    ftp_server.directories |= {"/pub", "/pub/new"}
    async with ftp.Client.from_url(f"ftp://{ftp_server.host}:{ftp_server.port}/%2Fpub/new;type=d"):
        pass
    assert said(ftp_server, "CWD") == ["CWD /pub", "CWD new"]


async def test_a_directory_that_there_is_not_ends_the_connection(ftp_server: MiniFTP) -> None:
    context = ftp.Client.from_url(f"ftp://{ftp_server.host}:{ftp_server.port}/nowhere")
    with pytest.raises(ftp.StatusCodeError, match="550"):
        await context.__aenter__()
    assert not context.client.is_connected


@pytest.mark.parametrize("scheme", ["ftps", "ftpes"])
async def test_tls_comes_before_the_login(
    server_tls_context: ssl.SSLContext, ca_file: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """From the first octet on, or by AUTH: the certificate is checked by the authorities that the system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    with MiniFTP(files={"/file": b"abc"}, tls=server_tls_context, implicit_tls=scheme == "ftps") as server:
        async with ftp.Client.from_url(f"{scheme}://{server.host}:{server.port}/") as client:
            await client.list()
        asked = [] if scheme == "ftps" else ["AUTH TLS"]
        assert server.commands[: len(asked) + 3] == [*asked, "PBSZ 0", "PROT P", "USER anonymous"]
        assert server.protected == [True]


async def test_a_context_of_ones_own_serves_a_url_as_well(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with MiniFTP(tls=server_tls_context, implicit_tls=True) as server:
        url = f"ftps://{server.host}:{server.port}"
        async with ftp.Client.from_url(url, ssl=client_tls_context) as client:
            await client.list()
        assert server.protected == [True]


async def test_where_tls_is_refused_no_login_is_sent(ftp_server: MiniFTP) -> None:
    context = ftp.Client.from_url(f"ftpes://anna:secret@{ftp_server.host}:{ftp_server.port}/")
    with pytest.raises(ftp.StatusCodeError, match="504"):
        await context.__aenter__()
    assert ftp_server.commands == ["AUTH TLS"]
    assert not context.client.is_connected
