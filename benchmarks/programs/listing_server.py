"""A server with one endless directory: ``python -m benchmarks.programs.listing_server ENTRIES`` prints its port.

It knows what a client needs to list a directory by MLSD. The listing is made before the first client comes, so that
none of the time is the server's.
"""

from __future__ import annotations

import socket
import sys
import threading
from datetime import UTC, datetime, timedelta

_HOST = "127.0.0.1"
_SIMPLE = {
    "USER": "331 password",
    "PASS": "230 welcome",
    "TYPE": "200 type",
    "OPTS": "200 options",
    "PWD": '257 "/"',
    "CWD": "250 directory",
    "QUIT": "221 goodbye",
}


def make_listing(entries: int) -> bytes:
    """Return the listing of a directory with as many files, of all sizes and ages."""
    first = datetime(2020, 1, 1, tzinfo=UTC)
    lines = [
        f"type=file;size={number * 7919 % 10_000_019};modify={first + timedelta(seconds=number * 997):%Y%m%d%H%M%S};"
        f"perm=r;unique=801U{number:X};unix.mode=0644;unix.uid=1000;unix.gid=1000; report-{number:06}.csv\r\n"
        for number in range(entries)
    ]
    return "".join(lines).encode("ascii")


def _serve(client: socket.socket, listing: bytes) -> None:
    data: socket.socket | None = None

    def reply(text: str) -> None:
        client.sendall(f"{text}\r\n".encode("ascii"))

    with client, client.makefile("rb") as commands:
        reply("220 ready")
        for line in commands:
            verb = line.split()[0].decode("ascii").upper()
            if verb in ("EPSV", "PASV"):
                data = socket.create_server((_HOST, 0))
                port = data.getsockname()[1]
                address = f"{_HOST.replace('.', ',')},{port >> 8},{port & 255}"
                reply(f"229 listening (|||{port}|)" if verb == "EPSV" else f"227 listening ({address})")
            elif verb == "MLSD" and data is not None:
                with data, data.accept()[0] as connection:
                    reply("150 listing")
                    connection.sendall(listing)
                reply("226 done")
            elif verb == "MLST":
                reply("250-listing\r\n type=dir; /\r\n250 end")
            else:
                reply(_SIMPLE.get(verb, "502 unknown"))
            if verb == "QUIT":
                break


def main(entries: int) -> None:
    """Serve one client after the other, and several at once, until the process is ended."""
    listing = make_listing(entries)
    with socket.create_server((_HOST, 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            threading.Thread(target=_serve, args=(listener.accept()[0], listing), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
