"""Every file server that has TLS, in each version of it."""

from __future__ import annotations

from pathlib import Path
from ssl import TLSVersion

import pytest

from tests.interop._files import digest, logged_in, octets, put
from tests.interop._registry import FTP_STARTERS
from tests.interop._servers import FtpServer
from transfer import TLS

SIZE = 300_000

with_tls = pytest.mark.parametrize(
    "ftp_server", [key for key in FTP_STARTERS if key[1] != "plain"], ids="-".join, indirect=True
)
in_version = pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=lambda it: it.name)


@in_version
@with_tls
async def test_files_and_listings_go_through_each_version_of_tls(
    ftp_server: FtpServer, version: TLSVersion, tmp_path: Path
) -> None:
    context = ftp_server.client_context()
    context.minimum_version = context.maximum_version = version
    put(ftp_server, "a", octets(SIZE))
    async with logged_in(ftp_server, tls=TLS(context=context)) as client:
        # More than the first two session tickets of TLS 1.3 are used up.
        for _ in range(2):
            await client.download("a", tmp_path / "copy", write_into=True)
            await client.upload(tmp_path / "copy", "b", write_into=True)
            assert sorted(path.name for path, _ in await client.list()) == ["a", "b"]
    assert digest(ftp_server.root / "b") == digest(tmp_path / "copy") == digest(octets(SIZE))
