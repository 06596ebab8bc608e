"""The names of the months, in the languages that servers list in, whatever encoding those names have arrived in.

How this works: a word is a month's name if it begins with one of the abbreviations below, the longest of which
counts. They are those of the C library's locales, with and without accents. A word with octets that did not exist in
the client's encoding is read once more in the encodings that such names are written in.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

__all__ = ["ENGLISH", "MONTH_SIGN", "month_number"]

ENGLISH = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# One line for each month: English, Danish, Dutch, Finnish, French, German, Hungarian, Italian, Norwegian, Polish,
# Portuguese, Romanian, Russian, Spanish, Swedish, Turkish, Czech.
_NAMES = (
    "jan jän ene gen ian sty tammi oca led янв",
    "feb fév fev lut helmi şub sub úno uno фев",
    "mar mär maer mrt maart mrz már maalis bře bre мар",
    "apr abr avr ápr kwi huhti nis dub апр",
    "may mai maj máj mei mag touko kvě kve май мая",
    "jun juin jún giu iun cze kesä kesa haz čer cer čvn čen июн",
    "jul juil júl lug iul lip heinä heina tem čec cec čvc července cervence июл",
    "aug aoû aou ago sie elo ağu agu srp авг",
    "sep set sze syys wrz eyl zář zar сен",
    "oct okt ott out paź paz loka eki říj rij окт",
    "nov noi lis marras kas ноя",
    "dec déc dez des dic gru joulu ara pro дек",
)
_MONTHS = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}
_LONGEST = max(map(len, _MONTHS))
_SHORTEST = min(map(len, _MONTHS))
_ENCODINGS = ("utf-8", "latin-1", "cp1250", "iso8859-2", "cp1254", "cp1251", "koi8-r", "cp866", "iso8859-5")

# Chinese, Japanese and Korean number the months: the sign for "month" in UTF-8, and in GBK, Shift JIS, EUC-JP, Big5
# and EUC-KR as it looks after it was not UTF-8.
MONTH_SIGN = "(?:月|월|\udcd4\udcc2|\udc8c\udc8e|\udcb7\udcee|\udca4\udceb|\udcbf\udcf9)"


@lru_cache(maxsize=512)
def month_number(word: str) -> int | None:
    """Return which month *word* is the name of, 1 to 12, or None."""
    for spelling in _spellings(word):
        name = spelling.casefold()
        for length in range(min(_LONGEST, len(name)), _SHORTEST - 1, -1):
            number = _MONTHS.get(name[:length])
            if number is not None:
                return number
    return None


def _spellings(word: str) -> Iterator[str]:
    yield word
    if word.isascii():
        return
    for octets in _octets(word):
        for encoding in _ENCODINGS:
            try:
                yield octets.decode(encoding)
            except UnicodeError:
                continue


def _octets(word: str) -> Iterator[bytes]:
    """What the server may have sent: the client's encoding was UTF-8, or one octet was one letter."""
    for encoding in ("utf-8", "latin-1"):
        try:
            yield word.encode(encoding, "surrogateescape")
        except UnicodeError:
            continue
