"""``SSLSessionBoundContext``: a context that resumes."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest

from transfer._net.session_context import SSLSessionBoundContext


def serve(server: socket.socket, context: ssl.SSLContext) -> None:
    with context.wrap_socket(server, server_side=True, suppress_ragged_eofs=True) as wrapped:
        wrapped.sendall(b"hello")
        wrapped.recv(1)


def connect(server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> tuple[bool, ssl.SSLSession | None]:
    """Connect once; return whether a session was resumed, and the newest one."""
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(theirs, server_context))
    thread.start()
    try:
        with client_context.wrap_socket(ours, server_hostname="localhost") as wrapped:
            assert wrapped.recv(5) == b"hello"
            return bool(wrapped.session_reused), wrapped.session
    finally:
        thread.join(10)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_connects_by_it_resumes_the_session(
    version: ssl.TLSVersion, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    client_tls_context.maximum_version = client_tls_context.minimum_version = version
    resumed, session = connect(server_tls_context, client_tls_context)
    assert session is not None
    assert not resumed
    bound = SSLSessionBoundContext(ssl.PROTOCOL_TLS_CLIENT, client_tls_context, session)

    assert isinstance(bound, ssl.SSLContext)
    assert (bound.context, bound.session) == (client_tls_context, session)
    assert connect(server_tls_context, bound)[0]


def test_buffers_resume_it_too(server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext) -> None:
    _, session = connect(server_tls_context, client_tls_context)
    assert session is not None
    bound = SSLSessionBoundContext(ssl.PROTOCOL_TLS_CLIENT, client_tls_context, session)
    wrapped = bound.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")

    assert wrapped.session is not None
    assert wrapped.context is client_tls_context


def test_another_session_is_refused(server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext) -> None:
    _, session = connect(server_tls_context, client_tls_context)
    assert session is not None
    bound = SSLSessionBoundContext(ssl.PROTOCOL_TLS_CLIENT, client_tls_context, session)
    with pytest.raises(ValueError, match="session"):
        bound.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost", session=session)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ValueError, match="session"):
        bound.wrap_socket(ours, server_hostname="localhost", session=session)
