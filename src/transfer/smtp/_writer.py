r"""Message objects as octets: the standard library's generator with what mail needs on top.

How this works: the generator hands every text to :meth:`WireGenerator.write`, which mends its line ends while it turns
it into octets, and every header to :meth:`WireGenerator._write_headers`, which looks at it as it will be sent, because
versions of the library differ in what they let through: a header that holds a line end without a following space would
be another header, or the body. What comes out has CRLF line ends and no other CR or LF, without a second pass over it.
"""

from __future__ import annotations

import copy
import io
import random
import re
from email.generator import BytesGenerator
from email.message import EmailMessage, Message
from email.policy import EmailPolicy, Policy
from email.policy import default as default_policy
from typing import Any, TypeAlias

from transfer.smtp._errors import SMTPMessageError
from transfer.smtp._headers import ADDRESS_HEADERS, with_ascii_domains

__all__ = ["AnyMessage", "WireGenerator", "choose_policy", "raw_payload", "write_message"]

AnyMessage: TypeAlias = "EmailMessage | Message[Any, Any]"

# RFC 5322 §2.2: a name of visible characters, a colon, and lines of which each but the first begins with white space.
_FOLDED = re.compile(rb"[!-9;-~]++:[^\r\n\0]*+(?:\r\n[ \t][^\r\n\0]*+)*+\r\n")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_BREAK = re.compile(r"[\r\n\0]")
_BARE_LF = re.compile(rb"(?<!\r)\n")
# To encode a parsed header anew takes time that grows with the square of its length: 0.2 s for 2,000 characters.
_RECODE_LIMIT = 2_000


def write_message(message: AnyMessage, policy: Policy[Any], generator: type[WireGenerator] | None = None) -> bytes:
    """Write *message*, which is left as it is, with CRLF line ends, the last line's included.

    Args:
        message: an object of the standard library.
        policy: as :func:`choose_policy` makes it.
        generator: writes it; None for :class:`WireGenerator`.

    Raises:
        SMTPMessageError: a header would end early and begin another one.
    """
    buffer = io.BytesIO()
    (generator or WireGenerator)(buffer, mangle_from_=False, policy=policy).flatten(message)
    octets = buffer.getvalue()
    return octets if octets.endswith(b"\r\n") else octets + b"\r\n"


def raw_payload(part: AnyMessage) -> object:
    """Give what *part* holds as it is: a list of parts, or a text in which octets that were parsed are surrogates.

    ``get_payload()`` puts question marks in the place of those.
    """
    return part._payload  # type: ignore[union-attr]  # the stubs leave it out


def choose_policy(policy: Policy[Any], *, utf8: bool, cte_type: str) -> Policy[Any]:
    """Fit a message's own *policy* to the wire."""
    if not isinstance(policy, EmailPolicy):
        return policy.clone(linesep="\r\n", cte_type=cte_type)
    # A header that was parsed goes on as it came, which keeps signatures valid; folding it anew would also take
    # time that grows with the square of its length.
    refold = "none" if policy.refold_source == "long" else policy.refold_source
    return policy.clone(linesep="\r\n", cte_type=cte_type, utf8=utf8, refold_source=refold)


class WireGenerator(BytesGenerator):
    """The standard library's generator, with line ends mended, headers checked and the object left as it is."""

    def write(self, s: str) -> None:
        """Write a text: octets that were parsed are surrogates in it."""
        octets = s.encode("ascii", "surrogateescape")
        if b"\r" in octets:
            octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._fp.write(octets.replace(b"\n", b"\r\n"))  # type: ignore[attr-defined]  # the stubs leave it out

    def fold_header(self, name: str, value: str) -> bytes:
        """Write one header.

        Raises:
            SMTPAddressError: a domain in it cannot be converted to A-labels.
        """
        policy = self.policy
        assert policy is not None
        utf8 = isinstance(policy, EmailPolicy) and policy.utf8
        if not (utf8 or str(value).isascii()) and name.lower() in ADDRESS_HEADERS:
            text = with_ascii_domains(value, name)
            if text is not None or (not isinstance(policy, EmailPolicy) and _is_short_text(value)):
                return _fold_addresses(name, text or value, policy)
        # The type of headers that were made, not parsed, is a child of str.
        is_long = type(value) is str and len(value) > _RECODE_LIMIT and not value.isascii()
        return (_leave_encoded(policy) if is_long else policy).fold_binary(name, value)

    def _write_lines(self, lines: str) -> None:
        if lines:
            self.write(lines)

    def _write_headers(self, msg: AnyMessage) -> None:
        write = self._fp.write  # type: ignore[attr-defined]  # the same
        for name, value in msg.raw_items():
            folded = self.fold_header(name, value)
            if _FOLDED.fullmatch(folded) is None:
                folded = _BARE_LF.sub(b"\r\n", folded)
                if _FOLDED.fullmatch(folded) is None:
                    raise SMTPMessageError(
                        f"{name[:80]!a} is no header: its name or value holds a NUL, or a line end that would begin"
                        " another header or the body"
                    )
            write(folded)
        write(b"\r\n")

    def _write(self, msg: AnyMessage) -> None:
        if isinstance(raw_payload(msg), list) and msg.get_content_maintype() == "multipart" and not msg.get_boundary():
            # The boundary that is found for it is set on the object.
            msg = copy.copy(msg)
        super()._write(msg)  # type: ignore[misc]  # the same

    # What calls itself a message or several parts and is a text nevertheless, as parsers leave it: it is sent as it is.

    def _handle_multipart(self, msg: AnyMessage) -> None:
        payload = raw_payload(msg)
        if isinstance(payload, str):
            self.write(payload)
        else:
            super()._handle_multipart(msg)  # type: ignore[misc]  # the same

    def _handle_message(self, msg: AnyMessage) -> None:
        payload = raw_payload(msg)
        if isinstance(payload, str):
            self.write(payload)
        else:
            super()._handle_message(msg)  # type: ignore[misc]  # the same

    @classmethod
    def _make_boundary(cls, text: bytes | None = None) -> str:
        """Find a boundary that is not in *text*; the standard library's search is a hundred times slower."""
        while True:
            # "=" and "=" are never neighbours in quoted-printable and base64 but at the end of a line.
            boundary = f"==============={random.getrandbits(63):019d}=="
            if text is None or f"--{boundary}".encode() not in text:
                return boundary


def _fold_addresses(name: str, text: str, policy: Policy[Any]) -> bytes:
    """Fold an address list so that names are encoded and addresses are not, which the older class does not."""
    unfolded = _FOLD.sub("", text)
    if len(text) > _RECODE_LIMIT or _BREAK.search(unfolded) is not None:
        return f"{name}: {text}\r\n".encode("utf-8", "surrogateescape")
    modern = policy if isinstance(policy, EmailPolicy) else default_policy.clone(linesep="\r\n")
    return modern.fold_binary(name, modern.header_factory(name, unfolded))


def _is_short_text(value: object) -> bool:
    """Whether *value* was assigned, and not parsed from octets, which are surrogates then."""
    if type(value) is not str or len(value) > _RECODE_LIMIT:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _leave_encoded(policy: Policy[Any]) -> Policy[Any]:
    if isinstance(policy, EmailPolicy):
        return policy.clone(cte_type="8bit", utf8=True)
    return policy.clone(cte_type="8bit")
