"""Names of codes and of arguments' types under the module name that existing programs import them from."""

from transfer.smtp._options import SMTPTokenGenerator
from transfer.smtp._response import SMTPStatus

__all__ = ["SMTPStatus", "SMTPTokenGenerator"]
