"""Transfers with every precaution, cancelled wherever they are suspended and cut off after every octet.

Under its own name a file is the older one or the new one, whatever happens; and once nothing happens any more, the same
call brings it to its end.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import attrs
import pytest

from tests.ftp.support import LONG, names_in
from tests.harness import CutOutcome, Mode, Outcome, cancel_everywhere, cut_everywhere
from tests.peers import MiniFTP
from transfer import RetryPolicy, ftp
from transfer._net.timeouts import Timeouts
from transfer._net.tls import TLS

NEW, OLD = b"0123456789" * 2_000, b"older"
# Terse, so that there are not too many octets after which to cut.
TERSE = {
    "GREETING": "220 a",
    "USER": "331 a",
    "PASS": "230 a",
    "AUTH": "234 a",
    "PBSZ": "200 a",
    "PROT": "200 a",
    "TYPE": "200 a",
    "REST": "350 a",
    "RETR": "150 a",
    "STOR": "150 a",
    "STOR DONE": "226 a",
    "RNFR": "350 a",
    "RNTO": "250 a",
    "DELE": "250 a",
    "QUIT": "221 a",
}
PATIENT = Timeouts.uniform(LONG)
AT_ONCE = RetryPolicy(attempts=3, wait_initial=0, wait_jitter=0)


@attrs.frozen
class Case:
    """A call, and what there is before it on both sides."""

    call: Callable[[ftp.Client, Path], Awaitable[object]]
    here: Mapping[str, bytes]
    there: Mapping[str, bytes]

    def set_up(self, folder: Path) -> None:
        """Put what there is on this side there, and nothing else."""
        for path in folder.iterdir():
            path.unlink()
        for name, content in self.here.items():
            (folder / name).write_bytes(content)

    def server(self, **options: object) -> MiniFTP:
        """Return a server, not yet entered, with what there is on the other side."""
        server = MiniFTP(files=self.there, **options)  # type: ignore[arg-type]  # MiniFTP's own keywords
        server.replies |= TERSE
        return server

    def is_unharmed(self, folder: Path, server: MiniFTP) -> bool:
        """Tell whether each file that has its own name is an older or a whole one."""
        return all(
            content in (OLD, NEW)
            for name, content in [*contents(folder).items(), *server.files.items()]
            if not name.endswith(".part")
        )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


CASES = {
    "atomic upload": Case(
        lambda client, folder: client.upload(folder / "file", atomic=True, verify="size"), {"file": NEW}, {"/file": OLD}
    ),
    "resumed upload": Case(
        lambda client, folder: client.upload(folder / "file", atomic=True, resume=True, verify="size"),
        {"file": NEW},
        {"/file": OLD, "/file.part": NEW[:7_000]},
    ),
    "atomic download": Case(
        lambda client, folder: client.download("file", folder, verify="size"), {"file": OLD}, {"/file": NEW}
    ),
    "resumed download": Case(
        lambda client, folder: client.download("file", folder, resume=True, verify="size"),
        {"file.part": NEW[:7_000]},
        {"/file": NEW},
    ),
    "repeated download": Case(
        lambda client, folder: client.download("file", folder, resume=True, retry=AT_ONCE), {}, {"/file": NEW}
    ),
}


@attrs.define
class Subject:
    """A client that is logged in, its server, and the folder on this side."""

    client: ftp.Client
    server: MiniFTP
    folder: Path


def is_left(case: Case, folder: Path, server: MiniFTP) -> bool:
    """Tell whether a temporary file is left that nothing would ever go on with."""
    names = [*names_in(folder), *(path.removeprefix("/") for path in server.files)]
    return bool({*names} - {"file", "file.part"})


@pytest.mark.parametrize("name", CASES)
async def test_a_transfer_that_is_cancelled_can_be_repeated(name: str, tmp_path: Path) -> None:
    case = CASES[name]

    @contextlib.asynccontextmanager
    async def around() -> AsyncIterator[Subject]:
        case.set_up(tmp_path)
        with case.server(client_may_leave=True) as server:
            client = ftp.Client(timeouts=PATIENT)
            await client.connect(server.host, server.port)
            await client.login()
            try:
                yield Subject(client, server, tmp_path)
            finally:
                client.close()

    async def check(outcome: Outcome) -> None:
        client, server = outcome.subject.client, outcome.subject.server
        assert case.is_unharmed(tmp_path, server)
        if client.is_connected:
            # Only a second cancellation of asyncio's own, which no shield keeps away, stops the clean-up itself.
            assert outcome.mode is Mode.DOUBLE or not is_left(case, tmp_path, server)
        else:
            await client.connect(server.host, server.port)
            await client.login()
        await case.call(client, tmp_path)
        assert contents(tmp_path)["file"] == server.files["/file"] == NEW

    await cancel_everywhere(
        lambda subject: case.call(subject.client, tmp_path), around=around, check=check, clean_up_points=3
    )


@pytest.mark.parametrize("data", [False, True], ids=["control", "data"])
@pytest.mark.parametrize("name", CASES)
async def test_a_transfer_that_is_cut_off_can_be_repeated(name: str, tmp_path: Path, data: bool) -> None:
    case = CASES[name]

    def make() -> MiniFTP:
        case.set_up(tmp_path)
        return case.server()

    async def scenario(server: MiniFTP) -> None:
        async with ftp.Client.context(server.host, server.port, timeouts=PATIENT) as client:
            await case.call(client, tmp_path)

    async def check(outcome: CutOutcome, server: MiniFTP) -> None:
        assert case.is_unharmed(tmp_path, server)
        if outcome.exception is None:
            assert contents(tmp_path)["file"] == server.files["/file"] == NEW
            return
        with case.server() as again:
            again.files = server.files
            await scenario(again)
            assert contents(tmp_path)["file"] == again.files["/file"] == NEW

    await cut_everywhere(scenario, make, check=check, allowed=(ftp.FTPException,), data=data, stride=997 if data else 1)


@pytest.mark.parametrize("name", ["atomic upload", "resumed download"])
async def test_so_can_one_inside_tls(
    name: str, tmp_path: Path, server_tls_context: ssl.SSLContext, ca_file: Path
) -> None:
    case = CASES[name]

    def make() -> MiniFTP:
        case.set_up(tmp_path)
        return case.server(tls=server_tls_context, require_reuse=True)

    async def scenario(server: MiniFTP) -> None:
        async with ftp.Client.context(
            server.host, server.port, upgrade_to_tls=True, tls=TLS(ca_file=ca_file), timeouts=PATIENT
        ) as client:
            await case.call(client, tmp_path)

    def check(outcome: CutOutcome, server: MiniFTP) -> None:
        assert case.is_unharmed(tmp_path, server)
        if outcome.exception is None:
            assert contents(tmp_path)["file"] == server.files["/file"] == NEW

    for data in (False, True):
        await cut_everywhere(
            scenario, make, check=check, allowed=(ftp.FTPException,), data=data, stride=997 if data else 53
        )
