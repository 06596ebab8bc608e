from __future__ import annotations

import ftplib
import io
import socket
import ssl

import pytest

from tests.peers import MiniFTP


def connect(server: MiniFTP) -> ftplib.FTP:
    client = ftplib.FTP(timeout=5)
    client.connect(server.host, server.port)
    client.login("anna", "secret")
    return client


class ReusingFTP(ftplib.FTP_TLS):
    """ftplib does not resume the control connection's TLS session by itself."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        sock, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:  # type: ignore[attr-defined]  # ftplib's own
            assert isinstance(self.sock, ssl.SSLSocket)
            sock = self.context.wrap_socket(sock, server_hostname="localhost", session=self.sock.session)
        return sock, size


def fetch(client: ftplib.FTP, command: str, rest: int | None = None) -> bytes:
    blocks: list[bytes] = []
    client.retrbinary(command, blocks.append, rest=rest)
    return b"".join(blocks)


@pytest.mark.parametrize("passive", ["EPSV", "PASV"])
def test_files_go_up_and_down(passive: str) -> None:
    content = bytes(range(256)) * 4000
    with MiniFTP(files={"/pub/a.bin": b"0123456789"}) as server, connect(server) as client:
        client.af = socket.AF_INET6 if passive == "EPSV" else socket.AF_INET
        assert fetch(client, "RETR pub/a.bin") == b"0123456789"
        assert fetch(client, "RETR pub/a.bin", rest=4) == b"456789"
        client.cwd("pub")
        client.storbinary("STOR b.bin", io.BytesIO(content))
        client.storbinary("APPE a.bin", io.BytesIO(b"more"))
        client.storbinary("STOR a.bin", io.BytesIO(b"xyz"), rest=10)
        assert client.size("b.bin") == len(content)
        with pytest.raises(ftplib.error_perm):
            fetch(client, "RETR nothing")
        client.quit()
    assert server.files == {"/pub/a.bin": b"0123456789xyze", "/pub/b.bin": content}
    assert passive in server.commands


def test_names() -> None:
    with MiniFTP(files={"/a.txt": b"one", "/sub/b.txt": b""}) as server, connect(server) as client:
        assert client.pwd() == "/"
        client.sendcmd('MKD /sub/x"y')
        client.cwd("sub")
        assert client.nlst() == ["b.txt", 'x"y']
        client.rmd('x"y')
        client.cwd("..")
        facts = dict(client.mlsd())
        assert facts["a.txt"] == {"type": "file", "size": "3", "modify": "20240102030405"}
        assert facts["sub"]["type"] == "dir"
        lines: list[str] = []
        client.retrlines("LIST -a", lines.append)
        assert lines[0].startswith("-rw-r--r--")
        assert client.sendcmd("MLST a.txt").splitlines()[1] == " type=file;size=3;modify=20240102030405; /a.txt"
        assert client.sendcmd("MDTM a.txt") == "213 20240102030405"
        assert " EPSV" in client.sendcmd("FEAT").splitlines()
        client.rename("a.txt", "c.txt")
        client.delete("sub/b.txt")
        for refused in (
            "DELE a.txt",
            "RNFR a.txt",
            "CWD nowhere",
            "RMD nowhere",
            "MKD a/b",
            "SIZE x",
            "MLST x",
            "WHAT",
        ):
            with pytest.raises(ftplib.error_perm):
                client.sendcmd(refused)
    assert server.files == {"/c.txt": b"one"}


def test_tls_on_both_connections(server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext) -> None:
    context = client_tls_context
    with MiniFTP(files={"/a": b"one"}, tls=server_tls_context, require_reuse=True) as server:
        with ReusingFTP(timeout=5, context=context) as client:
            client.connect(server.host, server.port)
            client.login("anna", "secret")
            client.prot_p()
            assert fetch(client, "RETR a") == b"one"
            client.storbinary("STOR b", io.BytesIO(b"two"))
            assert client.nlst() == ["a", "b"]
        with ftplib.FTP_TLS(timeout=5, context=context) as client:
            client.connect(server.host, server.port)
            client.login("anna", "secret")
            client.prot_p()
            with pytest.raises((ftplib.error_perm, OSError)):
                fetch(client, "RETR a")
            client.close()
    assert server.protected == [True, True, True]
    assert server.files["/b"] == b"two"


def test_login_is_asked_for_and_checked() -> None:
    with MiniFTP(users={"anna": "secret"}) as server:
        with connect(server) as client:
            client.pwd()
        client = ftplib.FTP(timeout=5)
        client.connect(server.host, server.port)
        with pytest.raises(ftplib.error_perm, match="530"):
            client.pwd()
        with pytest.raises(ftplib.error_perm, match="530"):
            client.login("anna", "wrong")
        client.close()


@pytest.mark.parametrize("direction", ["RETR big", "STOR new"])
def test_a_transfer_can_be_aborted(direction: str) -> None:
    with MiniFTP(files={"/big": bytes(50_000_000)}) as server, connect(server) as client:
        data = client.transfercmd(direction)
        if direction.startswith("RETR"):
            assert data.recv(10) == bytes(10)
        else:
            data.sendall(b"part")
        client.putcmd("ABOR")
        if direction.startswith("RETR"):
            while data.recv(1_000_000):
                pass
        with pytest.raises(ftplib.error_temp, match="426"):
            client.getresp()
        assert client.getresp().startswith("226")
        data.close()
        assert client.pwd() == "/"
    assert server.files.get("/new", b"part") == b"part"


def test_a_client_that_never_opens_the_data_connection_gets_425() -> None:
    with MiniFTP(files={"/a": b"one"}) as server, connect(server) as client:
        with pytest.raises(ftplib.error_temp, match="425 EPSV"):
            client.sendcmd("RETR a")
        client.makepasv()
        client.putcmd("RETR a")
        client.putcmd("NOOP")
        assert client.getresp().startswith("150")
        with pytest.raises(ftplib.error_temp, match="425 no data"):
            client.getresp()
        assert client.getresp() == "200 ok"


def test_a_cut_data_connection_gives_426() -> None:
    with MiniFTP(files={"/a": b"0123456789"}) as server, connect(server) as client:
        server.cut_data_after = 4
        blocks: list[bytes] = []
        with pytest.raises(ftplib.error_temp, match="426"):
            client.retrbinary("RETR a", blocks.append)
    assert blocks == [b"0123"]


@pytest.mark.parametrize("verb", ["STOR", "STOR DONE"])
def test_answers_can_be_replaced(verb: str) -> None:
    def store(client: ftplib.FTP) -> str:
        return client.storbinary("STOR a", io.BytesIO(b"x"))

    with MiniFTP() as server, connect(server) as client:
        server.replies[verb] = ["552 quota"]
        with pytest.raises(ftplib.error_perm, match="552 quota"):
            store(client)
        assert store(client) == "226 done"
