"""What programs import, beside the client itself: the names, and how they are called."""

from __future__ import annotations

import importlib
import inspect
import os
from pathlib import Path
from typing import Any

import aioftp
import aioftp.client
import aioftp.common
import aioftp.errors
import aioftp.pathio
import pytest

from transfer import ftp

# asyncio's own (docs/howto/migrate.md).
NOT_OFFERED = {"Connection"}
ALSO_IMPORTED = {
    "client": {"Client"},
    "common": {"Code"},
    "errors": {"InvalidCommand"},
    "pathio": {"AsyncPathIOContext", "Node", "defend_file_methods", "universal_exception"},
}


def original(module: str) -> Any:
    return importlib.import_module(f"aioftp.{module}")


@pytest.mark.parametrize("module", ALSO_IMPORTED)
def test_every_name_is_in_its_module_and_in_the_package(module: str) -> None:
    ours = importlib.import_module(f"transfer.ftp.{module}")
    public = set(original(module).__all__) - NOT_OFFERED

    assert public | ALSO_IMPORTED[module] <= set(ours.__all__)
    for name in public:
        assert getattr(ours, name) is getattr(ftp, name), name
        assert name in ftp.__all__


def parameters(function: Any) -> list[tuple[str, Any, object]]:
    return [(one.name, one.kind, one.default) for one in inspect.signature(function).parameters.values()]


STORAGE = "exists is_dir is_file mkdir rmdir unlink list stat seek write read close rename _open"


@pytest.mark.parametrize(
    "path",
    [
        "Throttle.__init__",
        "Throttle.wait",
        "Throttle.append",
        "Throttle.clone",
        "StreamThrottle.from_limits",
        "StreamThrottle.clone",
        "AsyncStreamIterator.__init__",
        "AbstractAsyncLister.__init__",
        "SSLSessionBoundContext.__init__",
        "SSLSessionBoundContext.wrap_socket",
        "SSLSessionBoundContext.wrap_bio",
        "Code.matches",
        "setlocale",
        "with_timeout",
        "wrap_with_container",
        "PathIONursery.__init__",
        "PathIONursery.__call__",
        "AsyncPathIO.__init__",
        "MemoryPathIO.__init__",
        *(f"AbstractPathIO.{name}" for name in ("__init__", *STORAGE.split())),
    ],
)
def test_it_takes_what_it_takes_there(path: str) -> None:
    """The same parameters, of the same kind, in the same order, with the same defaults."""

    def find(package: Any) -> Any:
        for name in path.split("."):
            package = getattr(package, name)
        return package

    assert parameters(find(ftp)) == parameters(find(aioftp))


@pytest.mark.parametrize("name", ["PathIO", "AsyncPathIO", "MemoryPathIO"])
def test_storages_open_files_as_they_do_there(name: str) -> None:
    assert parameters(getattr(ftp, name)._open) == parameters(getattr(aioftp, name)._open)
    for method in STORAGE.split():
        theirs, ours = getattr(getattr(aioftp, name), method), getattr(getattr(ftp, name), method)
        shapes = [[(kind, default) for _, kind, default in parameters(one)] for one in (theirs, ours)]
        assert shapes[0] == shapes[1], method


def test_constants() -> None:
    for name in ("END_OF_LINE", "DEFAULT_BLOCK_SIZE", "DEFAULT_PORT", "DEFAULT_USER", "DEFAULT_PASSWORD"):
        assert getattr(ftp, name) == getattr(aioftp, name)
    assert ftp.DEFAULT_ACCOUNT == aioftp.DEFAULT_ACCOUNT == ""


def test_the_version_is_the_toolkits() -> None:
    import transfer

    assert ftp.__version__ == transfer.__version__
    assert ".".join(map(str, ftp.version)) == ftp.__version__


@pytest.mark.parametrize("value", ["text", ("a", "b"), ["a"], None, 5])
def test_one_text_is_wrapped_into_a_tuple(value: Any) -> None:
    assert ftp.wrap_with_container(value) == aioftp.wrap_with_container(value)


# -- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [(), (1000,), (None, 2000)])
def test_limits_of_both_directions(limits: tuple[int | None, ...]) -> None:
    ours, theirs = ftp.StreamThrottle.from_limits(*limits), aioftp.StreamThrottle.from_limits(*limits)

    assert (ours.read.limit, ours.write.limit) == (theirs.read.limit, theirs.write.limit)
    assert ours._fields == theirs._fields
    assert repr(ours) == repr(theirs)
    clone = ours.clone()
    assert clone.read is not ours.read
    assert (clone.read.limit, clone.write.limit) == (ours.read.limit, ours.write.limit)


def test_a_clients_limits_may_be_changed() -> None:
    client = ftp.Client(read_speed_limit=1000)
    client.throttle.write.limit = 2000

    assert isinstance(client.throttle, ftp.StreamThrottle)
    assert (client.throttle.read.limit, client.throttle.write.limit) == (1000, 2000)


# -- a client's storage ------------------------------------------------------------------------------------------------


def test_a_clients_storage_is_made_by_its_factory() -> None:
    assert type(ftp.Client().path_io) is ftp.PathIO
    for factory in (ftp.PathIO, ftp.AsyncPathIO, ftp.MemoryPathIO):
        client = ftp.Client(path_timeout=3, path_io_factory=factory)
        assert type(client.path_io) is factory
        assert client.path_io.timeout == 3
    made = ftp.PathIONursery(ftp.MemoryPathIO)
    assert ftp.Client(path_io_factory=made).path_io.state is ftp.Client(path_io_factory=made).path_io.state


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
async def test_path_timeout_is_for_worker_threads(tmp_path: Path) -> None:
    """What is done at once takes the time that it takes; a pipe without a writer keeps a thread waiting for good."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    storage = ftp.Client(path_timeout=1e-9).path_io
    assert await storage.exists(pipe)
    threads = ftp.Client(path_timeout=0.05, path_io_factory=ftp.AsyncPathIO).path_io
    with pytest.raises(ftp.PathIOError) as caught:
        await threads.open(pipe, "rb")
    with pipe.open("wb"):
        pass  # lets the thread go

    assert caught.value.reason is not None
    assert issubclass(caught.value.reason[0], TimeoutError)
