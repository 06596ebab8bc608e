"""The parser of EHLO replies under the module name that existing programs import it from."""

from transfer.smtp._extensions import parse_esmtp_extensions

__all__ = ["parse_esmtp_extensions"]
