"""What reads and writes messages and addresses, under the module name that existing programs import it from."""

from transfer.smtp._headers import parse_address, quote_address
from transfer.smtp._message import extract_recipients, extract_sender, flatten_message

__all__ = ["extract_recipients", "extract_sender", "flatten_message", "parse_address", "quote_address"]
