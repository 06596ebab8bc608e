"""Write a test authority and a server certificate to files, in the forms that the servers want."""

from __future__ import annotations

import ssl
from pathlib import Path

import attrs
import trustme


@attrs.frozen(kw_only=True)
class Certificates:
    """PEM files for a server on ``localhost`` and ``127.0.0.1``; all but ``authority`` are readable by root alone."""

    authority: Path
    """The certificate that clients trust."""
    chain: Path
    """The server's certificate."""
    key: Path
    """The server's private key."""
    combined: Path
    """Private key and certificate in one file."""

    def server_context(self) -> ssl.SSLContext:
        """Return a context for a server in this process."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


def write_certificates(authority: trustme.CA, folder: Path) -> Certificates:
    """Issue a certificate by *authority* and write everything below *folder*."""
    # RSA: some servers have one directive per kind of key, and all know the one for RSA.
    issued = authority.issue_cert("localhost", "127.0.0.1", key_type=trustme.KeyType.RSA)
    files = Certificates(
        authority=folder / "ca.pem", chain=folder / "cert.pem", key=folder / "key.pem", combined=folder / "both.pem"
    )
    authority.cert_pem.write_to_path(str(files.authority))
    for path in (files.chain, files.key, files.combined):
        path.touch(mode=0o600)
    for pem in issued.cert_chain_pems:
        pem.write_to_path(str(files.chain), append=True)
    issued.private_key_pem.write_to_path(str(files.key), append=True)
    files.combined.write_bytes(files.key.read_bytes() + files.chain.read_bytes())
    files.authority.chmod(0o644)
    return files
