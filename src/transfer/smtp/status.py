"""The names of codes under the module name that existing programs import them from."""

from transfer.smtp._response import SMTPStatus

__all__ = ["SMTPStatus"]
