"""A client behind a proxy: both connections go through it, and names are the proxy's to resolve."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ftp.support import said
from tests.peers import MiniFTP, MiniProxy
from transfer import ftp

# Nothing on this side knows the name.
NAME = "files.example"
CONTENT = bytes(range(256)) * 2_000
every_kind = pytest.mark.parametrize("kind", ["http", "socks4", "socks5"])


@pytest.fixture
def server() -> Iterator[MiniFTP]:
    with MiniFTP(files={"/there": CONTENT}) as server:
        yield server


@pytest.fixture
def proxy(server: MiniFTP) -> Iterator[MiniProxy]:
    # What it relays waits as long as the client does.
    with MiniProxy(names={NAME: server.host}, client_may_leave=True) as proxy:
        yield proxy


@every_kind
async def test_files_come_and_go_through_the_proxy(
    server: MiniFTP, proxy: MiniProxy, kind: str, tmp_path: Path
) -> None:
    (tmp_path / "here").write_bytes(CONTENT[::-1])
    async with ftp.Client.context(NAME, server.port, proxy=proxy.url(kind)) as client:
        assert [path.name for path, _ in await client.list()] == ["there"]
        await client.download("/there", tmp_path / "there", write_into=True)
        await client.upload(tmp_path / "here", "/here", write_into=True)

    assert (tmp_path / "there").read_bytes() == CONTENT
    assert server.files["/here"] == CONTENT[::-1]
    hosts, ports = {host for host, _ in proxy.targets}, [port for _, port in proxy.targets]
    # A 227 names an address that means nothing to the proxy: the name that led to the server leads to its data.
    assert hosts == {NAME}
    assert ports[0] == server.port
    assert len(ports) == 1 + 3
    assert server.port not in ports[1:]


async def test_the_parameters_of_socks_name_the_same_proxy(server: MiniFTP, proxy: MiniProxy) -> None:
    client = ftp.Client(socks_host=proxy.host, socks_port=proxy.port, socks_version=5)
    await client.connect(NAME, server.port)
    await client.login()
    await client.list()
    await client.quit()
    assert [host for host, _ in proxy.targets] == [NAME, NAME]


@every_kind
async def test_tls_goes_from_end_to_end_on_both_connections(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext, kind: str
) -> None:
    with (
        MiniFTP(files={"/there": CONTENT}, tls=server_tls_context, require_reuse=True) as server,
        MiniProxy(names={"localhost": server.host}, client_may_leave=True) as proxy,
    ):
        client = ftp.Client(proxy=proxy.url(kind))
        await client.connect("localhost", server.port)
        await client.upgrade_to_tls(client_tls_context)
        await client.login()
        async with client.download_stream("/there") as stream:
            assert await stream.read() == CONTENT
        await client.quit()
        assert server.protected == [True]


async def test_a_proxy_that_refuses_data_connections_is_named(server: MiniFTP, proxy: MiniProxy) -> None:
    async with ftp.Client.context(NAME, server.port, proxy=proxy.url("http")) as client:
        server.passive_texts = {"EPSV": "229 here (|||1|)", "PASV": "227 here (127,0,0,1,0,1)"}
        with pytest.raises(ftp.FTPConnectError, match="proxy"):
            await client.list()
        await client.command("NOOP", "200")
    assert said(server, "LIST", "MLSD") == []
