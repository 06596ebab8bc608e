from __future__ import annotations

import pytest

from transfer._wire.dialect import FTP_CLIENT, FTP_SERVER, SMTP_CLIENT, Dialect


@pytest.mark.parametrize(
    ("dialect", "line", "queue"),
    [(SMTP_CLIENT, 8192, (64, 8192)), (FTP_CLIENT, 8192, (1, 8192)), (FTP_SERVER, 4096, (64, 16384))],
)
def test_limits_are_those_of_the_architecture(dialect: Dialect, line: int, queue: tuple[int, int]) -> None:
    assert dialect.line_limit == line
    assert (dialect.queue_limit, dialect.queue_octets_limit) == queue


def test_a_directory_fits_into_an_ftp_reply() -> None:
    assert (SMTP_CLIENT.reply_limit, SMTP_CLIENT.reply_lines_limit) == (32768, 512)
    assert (FTP_CLIENT.reply_limit, FTP_CLIENT.reply_lines_limit) == (262144, 4096)


@pytest.mark.parametrize("octet", range(256))
def test_smtp_forbids_controls_and_ftp_what_ends_a_line(octet: int) -> None:
    found = [bool(dialect.forbidden.search(bytes([octet]))) for dialect in (SMTP_CLIENT, FTP_CLIENT, FTP_SERVER)]
    ends_line = octet in b"\r\n\0"
    assert found == [octet < 32 or octet == 127, ends_line, ends_line]
