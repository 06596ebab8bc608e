"""Mail and files: an SMTP sender and an FTP client and server for asyncio and trio."""

from __future__ import annotations

__version__ = "0.1.0"
