"""What check() tells of each relay."""

from __future__ import annotations

import pytest

from tests.peers import MiniSMTP
from tests.smtp.sender.support import mail, numbers, relay, sender, verbs
from transfer import smtp


async def test_each_relay_shows_what_it_offers_or_why_it_cannot_be_used() -> None:
    with MiniSMTP() as first, MiniSMTP() as second:
        second.replies["GREETING"] = "554 5.3.2 no service"
        found = await sender(first, second).check()
    good, bad = found[f"{first.host}:{first.port}"], found[f"{second.host}:{second.port}"]
    assert isinstance(good, smtp.Check)
    assert good.name == "mini.example"
    assert isinstance(bad, smtp.SMTPConnectResponseError)
    assert verbs(first) == ["EHLO", "QUIT"]


async def test_a_login_that_works_by_now_is_used_again() -> None:
    with MiniSMTP(users={"anna": "secret"}) as server:
        server.replies["AUTH"] = ["535 5.7.8 no"]
        async with sender(relay(server, username="anna", password="secret", mechanisms=["PLAIN"])) as many:
            for number in range(2):
                with pytest.raises(smtp.SMTPAuthenticationError):
                    await many.send(mail(number))
            (found,) = (await many.check()).values()
            assert isinstance(found, smtp.Check)
            assert found.is_logged_in
            await many.send(mail(2))
    assert numbers(server) == [2]


async def test_a_login_that_a_check_has_found_to_fail_is_not_repeated() -> None:
    with MiniSMTP(users={"anna": "secret"}) as server:
        async with sender(relay(server, username="anna", password="wrong", mechanisms=["PLAIN"])) as many:
            (found,) = (await many.check()).values()
            assert isinstance(found, smtp.SMTPAuthenticationError)
            with pytest.raises(smtp.SMTPAuthenticationError):
                await many.send(mail(0))
    assert verbs(server).count("AUTH") == 1


async def test_a_relay_that_is_back_is_asked_in_its_turn_again() -> None:
    with MiniSMTP() as first, MiniSMTP() as second:
        first.replies["GREETING"] = ["421 4.3.2 closing"]
        async with sender(first, second, messages_per_connection=1) as many:
            await many.send(mail(0))
            await many.check()
            await many.send(mail(1))
    assert (numbers(first), numbers(second)) == ([1], [0])
