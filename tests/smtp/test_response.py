from __future__ import annotations

import pytest

from transfer._wire.reply import Reply
from transfer.smtp._response import SMTPResponse, SMTPStatus, response_from


def test_a_response_is_a_pair_that_reads_like_the_reply() -> None:
    code, message = response = SMTPResponse(250, "OK")

    assert (code, message) == (250, "OK") == response
    assert str(response) == "250 OK"
    assert (response.code, response.message) == (250, "OK")


def test_a_reply_of_several_lines_becomes_one_text() -> None:
    assert response_from(Reply(250, ("mail.example", "SIZE 100"))) == (250, "mail.example\nSIZE 100")


def test_every_name_of_a_code_that_programs_know_is_there() -> None:
    known = {
        "invalid_response": -1,
        "system_status_ok": 211,
        "help_message": 214,
        "ready": 220,
        "closing": 221,
        "auth_successful": 235,
        "completed": 250,
        "will_forward": 251,
        "cannot_vrfy": 252,
        "auth_continue": 334,
        "start_input": 354,
        "domain_unavailable": 421,
        "mailbox_unavailable": 450,
        "error_processing": 451,
        "insufficient_storage": 452,
        "tls_not_available": 454,
        "unrecognized_command": 500,
        "unrecognized_parameters": 501,
        "command_not_implemented": 502,
        "bad_command_sequence": 503,
        "parameter_not_implemented": 504,
        "domain_does_not_accept_mail": 521,
        "access_denied": 530,
        "auth_failed": 535,
        "mailbox_does_not_exist": 550,
        "user_not_local": 551,
        "storage_exceeded": 552,
        "mailbox_name_invalid": 553,
        "transaction_failed": 554,
        "syntax_error": 555,
    }
    assert {name: SMTPStatus[name] for name in known} == known


@pytest.mark.parametrize("code", [432, 455, 534, 538, 556])
def test_the_other_codes_of_the_standards_have_names(code: int) -> None:
    assert SMTPStatus(code).name.isidentifier()
