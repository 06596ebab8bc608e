"""Checksums: of a file on the server, and of the same on this side."""

from transfer.ftp._checks._algorithms import ALGORITHMS, Checksum, canonical_name
from transfer.ftp._checks._local import checksum_of
from transfer.ftp._checks._remote import choose_algorithm, remote_checksum

__all__ = ["ALGORITHMS", "Checksum", "canonical_name", "checksum_of", "choose_algorithm", "remote_checksum"]
