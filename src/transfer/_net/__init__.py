"""Sockets, TLS and files: the only package that touches ``socket``, ``ssl`` and ``anyio.wait_*``."""
