"""``send`` under the module name that existing programs import it from."""

from transfer.smtp._send import send

__all__ = ["send"]
