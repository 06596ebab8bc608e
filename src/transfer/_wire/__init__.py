"""The octets of line protocols: pure code over bytes, without sockets and without waiting."""
