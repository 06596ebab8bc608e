"""``Client``: the methods that programs call, each of them a line or two."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, Self, Unpack

from transfer.ftp._client_transfers import TransfersClient
from transfer.ftp._context import ClientContext
from transfer.ftp._mirror._applying import ClientLender, OutcomeCallback, apply_plan, find_pending, leave_all
from transfer.ftp._mirror._making import MirrorOptions, make_plan
from transfer.ftp._mirror._plan import MirrorPlan
from transfer.ftp._mirror._report import MirrorReport
from transfer.ftp._settings import (
    DEFAULT_ACCOUNT,
    DEFAULT_PASSWORD,
    DEFAULT_PORT,
    DEFAULT_USER,
)
from transfer.ftp._transfers._options import TransferOptions
from transfer.ftp._url import parse_url

__all__ = ["Client"]


class Client(TransfersClient):
    """An FTP client: one connection at a time, one call at a time.

    A call that fails or is cancelled leaves the connection in step, or closed; :attr:`is_connected` says which. After
    a loss :meth:`connect` makes a new one.

    Args:
        socket_timeout: seconds for each reply and each block of data; None for the finite defaults of ``Timeouts``.
        connection_timeout: seconds for each dial; None for the default.
        read_speed_limit: bytes per second that all downloads and listings may take, None for no limit.
        write_speed_limit: bytes per second that all uploads may take, None for no limit.
        path_timeout: seconds for each operation on this side's files, where the storage goes by it.
        path_io_factory: makes the storage, :attr:`path_io`, that this side's files are in.
        encoding: of names and replies; octets that are invalid in it survive as lone surrogates.
        ssl: True or a context for implicit TLS, from the first byte on.
        parse_list_line_custom: reads a line of LIST, without its end, into ``(path, info)``, or raises ValueError.
        parse_list_line_custom_first: whether it is asked before the built-in parsers, or after them.
        passive_commands: ``"epsv"`` and ``"pasv"`` in the order in which they are tried.
        trust_server_pasv_ipv4_address: the same as *trust_passive_address*.
        timeouts: all time limits one by one, instead of *socket_timeout*; the default is ``Timeouts(greeting=60)``.
        tls: how to set up TLS, implicit or explicit, instead of a context.
        trust_passive_address: connect to the address in a 227 reply instead of the control connection's peer.
        allow_cleartext_auth: send passwords without TLS to hosts other than this one.
        require_close_notify: take a listing for incomplete whose TLS ended without a word, and a file whose size is not
            known or not reached in that case. False for servers that never say it.
        active: have the server make the data connections (EPRT, PORT) instead of this side.
        active_ports: the ports to choose from for them, in no order; None for any.
        active_address: what to tell the server instead of the control connection's local address: the outer address of
            a router that passes *active_ports* on to this machine, for one.
        protect_data: bring data connections into TLS when the control connection is; False sends data in clear.
        noop_interval: seconds between two NOOPs during the transfer of a file, None for none: keeps routers and servers
            from closing a control connection that seems to be idle.
        virtual_host: the name that the server was found by, told to servers that have several (HOST).
        client_name: of this program, told after the login to servers that like to know (CLNT).
        negotiate: after each login, ask for the server's features and for UTF-8 and the facts of listings that go with
            them (FEAT, OPTS): one exchange and up to three more.
        profile: what an earlier client has found out about the same server (:attr:`profile`).
        reconnect: when the server has closed an idle connection, or the connection is found lost before a command is
            sent, connect and log in again, go back to the same directory, and send the command there.
        listing_limits: how long a listing may be.
        proxy: URL of a ``socks5://``, ``socks4://`` or ``http://`` proxy for all connections (extra ``proxy``).
        source_address: local ``(address, port)`` to dial from; data connections use the address alone.
        socks_host: another way to give a SOCKS *proxy*, together with what follows.
        socks_port: its port.
        socks_version: 4 or 5.
        username: for the proxy, not for the server.
        password: likewise.

    Raises:
        ValueError: an argument is out of range, or two exclude each other.
    """

    @classmethod
    def context(
        cls,
        host: str,
        port: int = DEFAULT_PORT,
        user: str = DEFAULT_USER,
        password: str = DEFAULT_PASSWORD,
        account: str = DEFAULT_ACCOUNT,
        upgrade_to_tls: bool = False,
        **client_kwargs: Any,
    ) -> ClientContext[Self]:
        """Return a context manager that connects, upgrades if told to, and logs in; at its end it says QUIT and closes.

        *client_kwargs* go to the class. Entering raises what these steps raise, and closes. When the body has failed,
        QUIT is said only if the connection is in step; nothing that happens then replaces the body's exception, and
        nothing that happens after a successful body undoes what it has done.
        """
        return ClientContext(cls(**client_kwargs), host, port, user, password, account, upgrade_to_tls)

    @classmethod
    def from_url(cls, url: str, **client_kwargs: Any) -> ClientContext[Self]:
        """Return what :meth:`context` does, for the server, the login and the directory that *url* names.

        Args:
            url: ``ftp://user:password@host:port/directory``; ``ftps://`` begins with TLS (port 990 if none is given),
                ``ftpes://`` asks for it by AUTH. What is not given is anonymous. A path leads from the directory of the
                login; one that begins with ``/%2F`` leads from the root (RFC 1738 §3.2.2).
            client_kwargs: go to the class.

        Raises:
            ValueError: *url* is none; the message shows nothing secret.
        """
        to = parse_url(url)
        if to.scheme == "ftps":
            client_kwargs.setdefault("ssl", True)
        return ClientContext(
            cls(**client_kwargs),
            to.host,
            to.port,
            to.user,
            to.password,
            DEFAULT_ACCOUNT,
            to.scheme == "ftpes",
            to.directories,
        )

    # -- mirrors -----------------------------------------------------------------------------------------------------

    async def plan_mirror(
        self, local: str | Path, remote: str | PurePosixPath = "", **options: Unpack[MirrorOptions]
    ) -> MirrorPlan:
        """Look at both trees and plan what makes the destination like the source; nothing is changed.

        Args:
            local: the tree on this side.
            remote: the tree on the server.
            options: those that follow.

        Options:
            direction: ``"download"`` (by default) makes *local* like *remote*, ``"upload"`` *remote* like *local*.
            compare: ``"size+time"`` (by default), ``"size"``, or ``"hash"``, of files of the same size.
            delete: whether what is only at the destination goes, and what is in the way there.
            delete_limit: the largest share of what is at the destination that may go, 0.5 by default; 1 allows all,
                which an empty source asks for.
            exclude: patterns of what is left alone on both sides, as in ``.gitignore``: ``*.tmp`` anywhere,
                ``docs/*.md`` from the top, ``cache/`` directories only, ``**`` for any number of directories; a
                directory stands for what is in it. Of several that match, the last one decides; with ``!`` before it,
                a pattern takes back what those before it have said.
            ignore_case: whether two names that differ in case are one at the destination; by default for downloads to
                Windows and macOS.

        Links, and what is neither file nor directory, are skipped, and so is what can't have its name at the
        destination. Nothing is deleted whose counterpart is skipped.

        Raises:
            MirrorRefused: more than *delete_limit* would be deleted.
            StatusCodeError, PathIOError: the source is not there or no directory, or a side can't be read.
            FTPProtocolError: a listed name leads elsewhere.
            FTPException: as for listings.
        """
        await self._ready()
        return await make_plan(self, local, remote, **options)

    async def apply(
        self,
        plan: MirrorPlan,
        *,
        pool: ClientLender | None = None,
        on_outcome: OutcomeCallback | None = None,
        transfer_options: TransferOptions | None = None,
    ) -> MirrorReport:
        """Do what *plan* says and has not been done yet; so a mirror that was interrupted goes on.

        Args:
            plan: made by :meth:`plan_mirror`, now or before.
            pool: a :class:`ClientPool`, whose clients move the files, many at once; this one does the rest.
            on_outcome: is told what has become of each action; what it raises ends the call.
            transfer_options: of each transfer, such as ``{"atomic": True, "retry": policy}``; times are kept without
                them. What they say of resuming is for files that were not at the destination.

        Returns:
            What has become of each action. One that fails does not end the call, but nothing is deleted after it.

        Raises:
            ValueError: a path of the plan leads out of the tree; nothing was done.
            FTPException: the connection failed. Applying the plan again goes on from there.
        """
        pending = await find_pending(self, plan)
        return await apply_plan(
            self,
            plan,
            pending,
            pool=pool,
            on_outcome=on_outcome,
            options=transfer_options or {},
        )

    async def mirror(
        self,
        local: str | Path,
        remote: str | PurePosixPath = "",
        *,
        dry_run: bool = False,
        pool: ClientLender | None = None,
        on_outcome: OutcomeCallback | None = None,
        transfer_options: TransferOptions | None = None,
        **options: Unpack[MirrorOptions],
    ) -> MirrorReport:
        """Make the destination like the source, as :meth:`plan_mirror` plans and :meth:`apply` does it.

        With *dry_run* nothing is done: the report's plan says what would be.
        """
        plan = await self.plan_mirror(local, remote, **options)
        if dry_run:
            return leave_all(plan)
        pending = [True] * len(plan.actions)
        return await apply_plan(
            self,
            plan,
            pending,
            pool=pool,
            on_outcome=on_outcome,
            options=transfer_options or {},
        )
