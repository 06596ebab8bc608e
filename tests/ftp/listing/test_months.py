from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ftp._listing._months import month_number

LANGUAGES = {
    "en": "January February March April May June July August September October November December",
    "en short": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
    "cs short": "led úno bře dub kvě čen čec srp zář říj lis pro",
    "da short": "jan feb mar apr maj jun jul aug sep okt nov dec",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "de short": "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    "de_AT short": "Jän Feb Mrz Apr Mai Jun Jul Aug Sept. Okt Nov Dez",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "es short": "ene feb mar abr may jun jul ago sep oct nov dic",
    "fi": "tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "fr short": "janv. févr. mars avril mai juin juil. août sept. oct. nov. déc.",
    "fr bare": "janv fevr mars avr mai juin juil aou sep oct nov dec",
    "hu short": "jan. febr. márc. ápr. máj. jún. júl. aug. szept. okt. nov. dec.",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "it short": "gen feb mar apr mag giu lug ago set ott nov dic",
    "nb short": "jan. feb. mars april mai juni juli aug. sep. okt. nov. des.",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "nl short": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "pl short": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "pt short": "jan fev mar abr mai jun jul ago set out nov dez",
    "ro short": "ian feb mar apr mai iun iul aug sep oct noi dec",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "ru short": "янв фев мар апр май июн июл авг сен окт ноя дек",
    "sv short": "jan feb mar apr maj jun jul aug sep okt nov dec",
    "tr short": "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
}


def numbers(words: str) -> list[int | None]:
    return [month_number(word.removesuffix(".")) for word in words.split()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_months_of_a_language_are_known_in_any_case(language: str) -> None:
    words = LANGUAGES[language]
    assert numbers(words) == numbers(words.upper()) == numbers(words.lower()) == list(range(1, 13))


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        ("ru", "koi8-r"),
        ("ru", "cp1251"),
        ("ru", "cp866"),
        ("ru short", "iso8859-5"),
        ("de", "latin-1"),
        ("fr", "latin-1"),
        ("fi", "latin-1"),
        ("pl short", "iso8859-2"),
        ("cs short", "cp1250"),
        ("tr short", "cp1254"),
    ],
)
def test_the_encoding_of_the_server_does_not_matter(language: str, encoding: str) -> None:
    """The client decodes by its own, whatever the server writes in."""
    words = [word.encode(encoding) for word in LANGUAGES[language].split()]
    assert [month_number(word.decode("utf-8", "surrogateescape")) for word in words] == list(range(1, 13))
    assert [month_number(word.decode("latin-1")) for word in words] == list(range(1, 13))


@pytest.mark.parametrize("language", ["ru", "cs", "fr"])
def test_a_client_that_decodes_utf_8_as_latin_1_knows_them_too(language: str) -> None:
    octets = LANGUAGES[language].encode()
    assert [month_number(word.decode("latin-1")) for word in octets.split()] == list(range(1, 13))


@pytest.mark.parametrize("word", ["", "x", "ja", "foo", "J\xfcr", "\udcff\udcfe\udcfd", "1月", "١٢"])
def test_what_is_no_month_is_none(word: str) -> None:
    assert month_number(word) is None


@given(st.text(max_size=20))
def test_any_word_is_a_month_or_none(word: str) -> None:
    assert month_number(word) in {None, *range(1, 13)}
