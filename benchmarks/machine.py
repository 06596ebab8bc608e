"""Where the numbers come from: the machine, and the versions of everything that has a part in them."""

from __future__ import annotations

import os
import platform
import ssl
import sys
from importlib import metadata
from pathlib import Path

import transfer

_PACKAGES = ("anyio", "attrs", "stamina", "trio", "uvloop", "aiosmtplib", "smtpproto", "aioftp", "pyftpdlib")


def describe_machine() -> dict[str, object]:
    """Return processor, cores, memory, kernel, and how busy the machine was when it was asked."""
    return {
        "system": platform.system(),
        # The part that says which kernel it is; the rest names whoever built it.
        "kernel": ".".join(platform.release().split(".")[:2]),
        "architecture": platform.machine(),
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "load_average": [round(each, 2) for each in os.getloadavg()] if hasattr(os, "getloadavg") else None,
    }


def describe_versions() -> dict[str, str]:
    """Return the versions of Python, OpenSSL, this library and those packages beside it that are installed."""
    versions = {
        "python": f"{sys.implementation.name} {platform.python_version()}",
        "openssl": ssl.OPENSSL_VERSION,
        "transfer": transfer.__version__,
    }
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _field(path: str, key: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next(
        (value.strip() for name, _, value in (line.partition(":") for line in lines) if name.strip() == key), ""
    )
