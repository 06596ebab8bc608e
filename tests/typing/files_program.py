# pyright: standard
# ruff: noqa: ASYNC240, T201 (it is a program, and as programs are)
"""A program that is typed against aioftp; `nox -s types` checks it as it is, and again with its import changed.

Nothing here runs: the type checkers have to find the same types in both.
"""

import io
import ssl
from collections.abc import AsyncIterable
from os import stat_result
from pathlib import Path, PurePosixPath
from typing import Self, assert_type

import aioftp
from aioftp.pathio import AsyncPathIOContext, defend_file_methods, universal_exception


async def use_a_client() -> None:
    client = aioftp.Client(
        socket_timeout=3,
        connection_timeout=2.5,
        read_speed_limit=1000,
        write_speed_limit=None,
        path_timeout=1,
        path_io_factory=aioftp.AsyncPathIO,
        encoding="latin-1",
        ssl=None,
        parse_list_line_custom_first=False,
        passive_commands=("pasv",),
    )
    assert_type(await client.connect("ftp.example", aioftp.DEFAULT_PORT), list[str])
    await client.upgrade_to_tls(ssl.create_default_context())
    await client.login(aioftp.DEFAULT_USER, aioftp.DEFAULT_PASSWORD, aioftp.DEFAULT_ACCOUNT)
    assert_type(await client.get_current_directory(), PurePosixPath)
    await client.change_directory()
    await client.change_directory(PurePosixPath("/pub"))
    await client.make_directory("a/b", parents=False)
    assert_type(
        (await client.exists("a"), await client.is_file("a"), await client.is_dir("a")), tuple[bool, bool, bool]
    )
    await client.rename("a", PurePosixPath("b"))
    await client.upload(Path("tree"), "there", write_into=True, block_size=65_536)
    await client.download(PurePosixPath("there"), "tree", write_into=True)
    await client.remove("there")
    await client.remove_file("f")
    await client.remove_directory("d")
    client.throttle.read.limit = 10
    client.throttle.write.limit = None
    await client.quit()
    client.close()


async def use_streams(client: aioftp.Client) -> None:
    async with client.upload_stream("f", offset=3) as stream:
        assert_type(stream, aioftp.DataConnectionThrottleStreamIO)
        await stream.write(b"text")
    async with client.download_stream(PurePosixPath("f")) as stream:
        assert_type(
            (await stream.read(), await stream.readline(), await stream.readexactly(1)), tuple[bytes, bytes, bytes]
        )
        async for block in stream.iter_by_block(8192):
            assert_type(block, bytes)
        async for line in stream.iter_by_line():
            assert_type(line, bytes)
    stream = await client.append_stream("f")
    await stream.finish("2xx", "1xx")
    async with client.get_stream("RETR f", "1xx", offset=1) as stream:
        assert_type(stream, aioftp.DataConnectionThrottleStreamIO)
    assert_type(await client.parse_response(), tuple[aioftp.Code, list[str]])
    await client.abort(wait=False)


async def use_a_context() -> None:
    async with aioftp.Client.context("ftp.example", 2121, "anna", "secret", upgrade_to_tls=True) as client:
        assert_type(client, aioftp.Client)
        async for path, info in client.list("/", recursive=True):
            assert_type(path, PurePosixPath)
            print(path, info["type"])
        for path, info in await client.list(raw_command="MLSD"):
            print(path.name, info.get("size"))
        print((await client.stat("f"))["type"])


async def catch_errors(client: aioftp.Client) -> None:
    try:
        await client.remove_file("f")
    except aioftp.StatusCodeError as exc:
        for code in exc.received_codes:
            assert_type(code.matches("55x"), bool)
    except aioftp.PathIOError as exc:
        print(exc.reason)
    except aioftp.AIOFTPException:
        raise
    raise aioftp.StatusCodeError(aioftp.Code("2xx"), aioftp.wrap_into_codes(["550"]), "gone")


# -- storages ----------------------------------------------------------------------------------------------------------


class OwnPathIO(aioftp.AbstractPathIO[Path]):
    """A storage of the program's own."""

    @universal_exception
    async def exists(self, path: Path) -> bool:
        return path.exists()

    @universal_exception
    async def is_dir(self, path: Path) -> bool:
        return path.is_dir()

    @universal_exception
    async def is_file(self, path: Path) -> bool:
        return path.is_file()

    @universal_exception
    async def mkdir(self, path: Path, *, parents: bool = False, exist_ok: bool = False) -> None:
        path.mkdir(parents=parents, exist_ok=exist_ok)

    @universal_exception
    async def rmdir(self, path: Path) -> None:
        path.rmdir()

    @universal_exception
    async def unlink(self, path: Path) -> None:
        path.unlink()

    def list(self, path: Path) -> AsyncIterable[Path]:
        return OwnLister(path, timeout=self.timeout)

    @universal_exception
    async def stat(self, path: Path) -> stat_result:
        return path.stat()

    @universal_exception
    async def _open(self, path: Path, mode: str) -> io.BytesIO:
        return io.BytesIO(path.read_bytes())

    @universal_exception
    @defend_file_methods
    async def seek(self, file: io.BytesIO, offset: int, whence: int = io.SEEK_SET) -> int:
        return file.seek(offset, whence)

    @universal_exception
    @defend_file_methods
    async def write(self, file: io.BytesIO, data: bytes) -> int:
        return file.write(data)

    @universal_exception
    @defend_file_methods
    async def read(self, file: io.BytesIO, block_size: int) -> bytes:
        return file.read(block_size)

    @universal_exception
    @defend_file_methods
    async def close(self, file: io.BytesIO) -> None:
        file.close()

    @universal_exception
    async def rename(self, source: Path, destination: Path) -> Path:
        return source.rename(destination)


class OwnLister(aioftp.AbstractAsyncLister[Path]):
    """What the storage lists."""

    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__(timeout=timeout)
        self.paths = iter(sorted(path.iterdir()))

    @universal_exception
    @aioftp.with_timeout
    async def __anext__(self) -> Path:
        try:
            return next(self.paths)
        except StopIteration:
            raise StopAsyncIteration from None


async def use_storages(path: Path) -> None:
    storage = OwnPathIO(timeout=3)
    assert_type(await storage.exists(path), bool)
    assert_type((await storage.stat(path)).st_size, int)
    assert_type(await storage.rename(path, path), Path)
    assert_type([entry async for entry in storage.list(path)], list[Path])
    assert_type(await OwnLister(path, timeout=None), list[Path])
    async with storage.open(path, mode="rb") as file:
        assert_type(file, AsyncPathIOContext)
        await file.seek(3)
        data: bytes = await file.read(10)
        await file.write(data)
    async with aioftp.PathIO().open(path) as file:
        async for block in file.iter_by_block(1000):
            assert_type(block, bytes)
    memory = aioftp.MemoryPathIO(cwd="/home")
    assert_type(await memory.is_dir(PurePosixPath("/")), bool)
    nursery = aioftp.PathIONursery(aioftp.MemoryPathIO)
    assert_type(nursery(timeout=3), aioftp.MemoryPathIO)


# -- limits and helpers ------------------------------------------------------------------------------------------------


async def use_helpers(throttle: aioftp.Throttle) -> None:
    throttle = aioftp.Throttle(limit=1000, reset_rate=3)
    await throttle.wait()
    throttle.append(b"octets", 0.0)
    assert_type(throttle.clone(), aioftp.Throttle)
    both = aioftp.StreamThrottle.from_limits(read_speed_limit=1, write_speed_limit=None)
    assert_type(both.clone(), aioftp.StreamThrottle)
    assert_type(aioftp.wrap_with_container("a"), tuple[str])
    assert_type(aioftp.wrap_into_codes(("226", "2xx")), tuple[aioftp.Code, ...])
    line: bytes = ("QUIT" + aioftp.END_OF_LINE).encode()
    print(line, aioftp.DEFAULT_BLOCK_SIZE + 1, aioftp.version[0], aioftp.__version__.upper())
    with aioftp.setlocale("C") as name:
        assert_type(name, str)

    async def read() -> bytes:
        return b""

    assert_type([block async for block in aioftp.AsyncStreamIterator(read)], list[bytes])
    async with give_a_storage() as storage:
        assert_type(storage, OpenStorage)
    assert_type(await give_a_storage(), OpenStorage)


class OpenStorage(OwnPathIO):
    """A storage that is entered."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *args: object, **kwargs: object) -> None:
        pass


@aioftp.async_enterable
async def give_a_storage() -> OpenStorage:
    return OpenStorage()
