"""The pair that a reply becomes, under the module name that existing programs import it from."""

from transfer.smtp._response import SMTPResponse

__all__ = ["SMTPResponse"]
