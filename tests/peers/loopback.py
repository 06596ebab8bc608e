"""The address that this process's peers listen on."""

from __future__ import annotations

import os
import sys

__all__ = ["LOOPBACK"]


def _choose() -> str:
    if sys.platform != "linux":
        return "127.0.0.1"  # elsewhere the only one
    pid = os.getpid()
    return f"127.{pid >> 16 & 0x7F | 0x80}.{pid >> 8 & 0xFF}.{pid & 0xFF}"


LOOPBACK = _choose()
"""A loopback address; on Linux one of this process's own.

Harnesses cut and cancel thousands of clients, and some of these still dial a port that has just been given up. The
next to get that port may be a peer of another process, which would have a visitor that it has no script for.
"""
