"""aioftp's server in a thread of this process: in clear, or inside TLS from the first octet on."""

from __future__ import annotations

import asyncio
import ssl
import threading

import aioftp

from tests.interop._servers import HOST, PASSWORD, USER, FtpServer, Site, features

MODES = ("plain", "implicit")

# What it has, though it knows no FEAT that could say so.
_FEATURES = features("MLST no-feat no-nlst")


def start(site: Site, mode: str) -> FtpServer:
    """Start the server in *mode*, one of ``MODES``."""
    root = site.folder / "root"
    root.mkdir()
    context = None
    if mode == "implicit":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(site.certificates.combined)
    server = aioftp.Server(
        [aioftp.User(USER, PASSWORD, base_path=root)], ssl=context, wait_future_timeout=10, path_timeout=None
    )
    loop = asyncio.new_event_loop()
    loop.run_until_complete(server.start(HOST, 0))
    thread = threading.Thread(target=_run, args=(loop, server), name="aioftp")
    thread.start()
    site.cleanup.callback(thread.join)
    site.cleanup.callback(loop.call_soon_threadsafe, loop.stop)
    return FtpServer(
        name="aioftp",
        mode=mode,
        port=server.address[1],
        ca_file=None if mode == "plain" else site.certificates.authority,
        features=_FEATURES,
        folder=site.folder,
        root=root,
    )


def _run(loop: asyncio.AbstractEventLoop, server: aioftp.Server) -> None:
    loop.run_forever()
    loop.run_until_complete(server.close())
    loop.close()
