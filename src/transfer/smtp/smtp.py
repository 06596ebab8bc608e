"""The client and its defaults under the module name that existing programs import them from."""

from transfer.smtp._client import SMTP
from transfer.smtp._options import DEFAULT_TIMEOUT, SMTP_PORT, SMTP_STARTTLS_PORT, SMTP_TLS_PORT

__all__ = ["DEFAULT_TIMEOUT", "SMTP", "SMTP_PORT", "SMTP_STARTTLS_PORT", "SMTP_TLS_PORT"]
