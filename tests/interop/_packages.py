"""Find what install.sh has put on this machine, and end a test that lacks some of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    import pwd

PEER_USER = "transfer-peer"
"""The unprivileged user that the servers run as; it owns the folders they serve."""


def peers_folder() -> Path:
    """Return the folder that holds one unpacked package per sub-folder."""
    chosen = os.environ.get("TRANSFER_PEERS")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "transfer-toolkit" / "peers"


def unpacked(package: str, path: str) -> Path:
    """Return *path* inside the unpacked *package*; skip the test when it is not there."""
    found = peers_folder() / package / path
    try:
        present = found.exists()
    except PermissionError:
        present = False
    if not present:
        unavailable(f"package {package} is not in {peers_folder()} (tests/interop/install.sh puts it there)")
    return found


def installed(program: str, package: str) -> Path:
    """Return the path of *program*; skip the test when *package* is not installed."""
    # /usr/sbin, where most servers are, is not on every user's PATH.
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    found = shutil.which(program, path=search)
    if found is None:
        unavailable(f"{program} is missing: package {package} is not installed (tests/interop/install.sh does that)")
    return Path(found)


def require_root() -> None:
    """Skip the test unless it runs as root, which every server that changes its user needs."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        unavailable("a server that changes its user can only be started by root")


def peer_account(user: str = PEER_USER) -> pwd.struct_passwd:
    """Return the account of the system user *user*; skip the test when there is none."""
    import pwd  # Windows has none, and has to get past the imports of this folder to skip its tests

    try:
        return pwd.getpwnam(user)
    except KeyError:
        unavailable(f"the system user {user} is missing (tests/interop/install.sh sees to it)")


def hand_over(path: Path, *, user: str = PEER_USER) -> None:
    """Make *user* the owner of *path*."""
    account = peer_account(user)
    os.chown(path, account.pw_uid, account.pw_gid)


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it where ``TRANSFER_INTEROP=require`` says that everything must be there."""
    if os.environ.get("TRANSFER_INTEROP") == "require":
        pytest.fail(f"TRANSFER_INTEROP=require: {reason}", pytrace=False)
    pytest.skip(reason)


def password_hash(password: str) -> str:
    """Return *password* hashed by SHA-512 crypt(3), which all the servers' user tables take."""
    openssl = installed("openssl", "openssl")
    done = subprocess.run(
        [openssl, "passwd", "-6", "-stdin"], input=password, text=True, check=True, stdout=subprocess.PIPE
    )
    return done.stdout.strip()
