"""Checksums as servers word them: HASH's replies, and those to the commands before it."""

from __future__ import annotations

import hashlib
import re
import zlib
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transfer import ftp
from transfer.ftp._checks._algorithms import ALGORITHMS, DIGITS
from transfer.ftp._checks._replies import parse_digits, parse_hash

CONTENT = b"The quick brown fox"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SHA1 = hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest()
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
CRC = f"{zlib.crc32(CONTENT):08x}"

# -- HASH ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"SHA-256 0-49 {SHA256} filename.ext",
        f"SHA-256 0-49 {SHA256.upper()} filename.ext",
        f"sha-256 0-49 {SHA256} filename.ext",
        f"SHA256 0-49 {SHA256} filename.ext",
        f"SHA-256 0-49 {SHA256}",
        f"SHA-256 000-49 {SHA256} x",
        f"SHA-256 {SHA256} filename.ext",
        f"SHA-256 {SHA256}",
        f"  SHA-256  0-49\t{SHA256}  a name  with spaces",
        f'SHA-256 0-49 {SHA256} "/quoted/name"',
        f"SHA-256 0-49 {SHA256} {MD5}",
        f"Computing SHA256 digest\nSHA-256 0-49 {SHA256} filename.ext",
        f"Computing a digest\nSHA-256 0-49 {SHA256} filename.ext\nEnd",
    ],
)
def test_hash_is_read_in_every_spelling(text: str) -> None:
    assert parse_hash(text, "SHA-256") == ftp.Checksum("SHA-256", SHA256)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SHA-256",
        "SHA-256 0-49",
        "SHA-256 0-49 filename.ext",
        f"SHA-256 0-49 {SHA256[:-1]} filename.ext",
        f"SHA-256 0-49 {SHA256}0 filename.ext",
        f"SHA-256 0-49 {SHA256[:-1]}g filename.ext",
        f"SHA-256 0-49{SHA256} filename.ext",
        f"SHA-256 -1-49 {SHA256} filename.ext",
        f"WHIRLPOOL 0-49 {SHA256} filename.ext",
        f"0-49 {SHA256} filename.ext",
        f"SHA-256 0-49 {SHA256} a\nSHA-256 0-49 {SHA256[::-1]} a",
    ],
)
def test_hash_that_is_none_is_a_protocol_error(text: str) -> None:
    with pytest.raises(ftp.FTPProtocolError, match=r"^No checksum can be read in '"):
        parse_hash(text, "SHA-256")


def test_hash_by_another_algorithm_is_not_taken_for_the_one_asked_for() -> None:
    with pytest.raises(ftp.FTPProtocolError, match="not the SHA-256"):
        parse_hash(f"MD5 0-49 {MD5} filename.ext", "SHA-256")


@pytest.mark.parametrize("start", ["1", "10", "0" * 5_000 + "1", "9" * 5_000])
def test_hash_of_a_part_is_not_taken_for_that_of_the_file(start: str) -> None:
    with pytest.raises(ftp.FTPProtocolError, match="of the whole file"):
        parse_hash(f"SHA-256 {start}-49 {SHA256} filename.ext", "SHA-256")


def test_an_error_shows_the_beginning_of_a_long_reply() -> None:
    with pytest.raises(ftp.FTPProtocolError) as caught:
        parse_hash("x" * 100_000, "SHA-256")
    assert len(str(caught.value)) < 200


# -- the commands before HASH ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    "form",
    [
        "{}",
        " {} ",
        '"{}"',
        "({})",
        "0x{}",
        "{}.",
        "{} file.bin",
        "file.bin {}",
        '"/pub/file.bin" {}',
        "/pub/file.bin {}",
        "{}, /pub/file.bin",
        "Checksum: {}",
        "XCRC Successful. {}",
        "Computing digest\n{}",
        "Computing digest\n{}\nDone",
        "Digest of 1234567 bytes: {}",
        "{} ({})",
    ],
)
def test_digits_are_found_among_words(form: str, algorithm: str) -> None:
    digits = "0a1b2c3d" * (DIGITS[algorithm] // 8)
    expected = ftp.Checksum(algorithm, digits)
    assert parse_digits(form.format(digits, digits), algorithm, "/pub/file.bin") == expected
    assert parse_digits(form.format(digits.upper(), digits), algorithm, "/pub/file.bin") == expected


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("aae4aae", "0aae4aae"),
        ("0", "00000000"),
        ("0x1F", "0000001f"),
        ("CRC: 1f /pub/e", "0000001f"),
        ("Here is a CRC of a file: deadbeef", "deadbeef"),
        ("deadbeef of 42 bytes", "deadbeef"),
    ],
)
def test_a_crc_may_lack_its_zeros(text: str, digits: str) -> None:
    assert parse_digits(text, "CRC32", "/pub/e") == ftp.Checksum("CRC32", digits)


@pytest.mark.parametrize("digits", [MD5, MD5.upper()])
@pytest.mark.parametrize("path", ["a", "0", "5", MD5[3], MD5[3:9], MD5[:4], "MD5", ".", "", "+", "[a"])
def test_a_short_name_is_not_cut_out_of_the_digits(path: str, digits: str) -> None:
    assert parse_digits(digits, "MD5", path).digits == MD5
    assert parse_digits(f"{path} {digits}", "MD5", path).digits == MD5


@pytest.mark.parametrize("path", [MD5, f"/pub/{MD5}", MD5.upper()])
@pytest.mark.parametrize("form", ["{digits}", "{path} {digits}", "{digits} {path}", '"{path}" {digits}'])
def test_a_file_may_be_called_by_its_checksum(form: str, path: str) -> None:
    assert parse_digits(form.format(path=path, digits=MD5), "MD5", path).digits == MD5


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("deadbeef", "deadbeef"),
        ("deadbeef", '"deadbeef"'),
        ("/pub/deadbeef", "deadbeef"),
        ("deadbeef", "/home/me/deadbeef"),
        ("my deadbeef file", "my deadbeef file"),
        ("/pub/my deadbeef file", '"my deadbeef file"'),
        ("cafe", "cafe"),
    ],
)
@pytest.mark.parametrize("form", ["{} {}", "{1} {0}"])
def test_a_name_of_digits_is_not_taken_for_the_checksum(form: str, path: str, shown: str) -> None:
    if form == "{} {}":
        assert parse_digits(f"{shown} {CRC}", "CRC32", path).digits == CRC
    else:
        assert parse_digits(f"{CRC} {shown}", "CRC32", path).digits == CRC


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("text", ["", "OK", "no such thing", "\N{DIGIT ZERO}x", "\N{ARABIC-INDIC DIGIT ONE}" * 8])
def test_no_digits_are_a_protocol_error(text: str, algorithm: str) -> None:
    with pytest.raises(ftp.FTPProtocolError, match=r"^No checksum can be read in "):
        parse_digits(text, algorithm, "/pub/file.bin")


@pytest.mark.parametrize("text", [MD5[:-1], MD5 + "0", SHA1, f"{MD5} {MD5[::-1]}", f"{MD5[:16]} {MD5[16:]}"])
def test_digits_of_another_length_or_several_are_a_protocol_error(text: str) -> None:
    with pytest.raises(ftp.FTPProtocolError, match=re.escape(repr(text)[:-1])):
        parse_digits(text, "MD5", "/pub/file.bin")


@pytest.mark.parametrize("text", ["1f 2e", "deadbeef cafebabe", "123456789"])
def test_a_crc_that_could_be_several_is_a_protocol_error(text: str) -> None:
    with pytest.raises(ftp.FTPProtocolError):
        parse_digits(text, "CRC32", "/pub/file.bin")


# -- anything --------------------------------------------------------------------------------------------------------


@given(text=st.text(), algorithm=st.sampled_from(ALGORITHMS), path=st.text())
@example(text="\x85\u2028" + SHA256, algorithm="SHA-256", path="\u2028")
def test_any_text_is_a_whole_checksum_or_a_protocol_error(text: str, algorithm: str, path: str) -> None:
    for parse in (partial(parse_hash, text, algorithm), partial(parse_digits, text, algorithm, path)):
        try:
            checksum = parse()
        except ftp.FTPProtocolError:
            continue
        assert checksum.algorithm == algorithm
        assert re.fullmatch(rf"[0-9a-f]{{{DIGITS[algorithm]}}}", checksum.digits)


@given(content=st.binary(), path=st.text("abcdef0123456789 ./", min_size=1), algorithm=st.sampled_from(ALGORITHMS))
def test_digits_beside_a_quoted_name_are_found_whatever_the_name(content: bytes, path: str, algorithm: str) -> None:
    digits = hashlib.sha512(content).hexdigest()[: DIGITS[algorithm]]
    assert parse_digits(f'"{path}" {digits}', algorithm, path).digits == digits
