"""Addresses as they are compared and told."""

from __future__ import annotations

import pytest

from transfer._net.names import bare_address


@pytest.mark.parametrize(
    ("host", "bare"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("::1", "::1"),
        ("files.example", "files.example"),
    ],
)
def test_an_ipv4_address_is_one_however_it_is_spelled(host: str, bare: str) -> None:
    assert bare_address(host) == bare
