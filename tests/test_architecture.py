"""The rules that keep the layers apart and the pieces small, held by reading the source.

How this works: every module is parsed once into a `Module`; a rule is a function from a module to its violations, each
with file and line. Exceptions are entries of a table with a reason. The last tests feed each rule a breach of it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

SOURCE = Path(__file__).parent.parent / "src"

# What stands on what: a package may import those left of it, and itself.
LAYERS = {
    "_errors": frozenset[str](),
    "_wire": frozenset({"_errors"}),
    "_net": frozenset({"_errors"}),
    "_engine": frozenset({"_errors", "_wire", "_net"}),
    "smtp": frozenset({"_errors", "_wire", "_net", "_engine"}),
    "ftp": frozenset({"_errors", "_wire", "_net", "_engine"}),
    "": frozenset({"_errors", "_wire", "_net", "_engine"}),
    "cli": frozenset({"", "_errors", "_wire", "_net", "_engine", "smtp", "ftp"}),
    "__main__": frozenset({"cli"}),
}
LAYER_EXCEPTIONS = {
    ("transfer._errors", "transfer._wire.reply"): "for typing only: errors carry the reply that they report",
    ("transfer.ftp", "transfer.__version__"): "programs read it there, and there is one version for all",
}

# Sockets, TLS and readiness belong to _net. Under TYPE_CHECKING an import is only a name.
IO_MODULES = frozenset({"socket", "ssl", "select", "selectors"})
IO_NAMES = frozenset(
    {
        "wait_readable",
        "wait_writable",
        "notify_closing",
        "connect_tcp",
        "connect_unix",
        "create_tcp_listener",
        "create_unix_listener",
    }
)
IO_EXCEPTIONS = {
    ("transfer.cli._demo.run", "ssl"): "the demo's servers are other libraries', which are given an SSLContext",
    ("transfer.cli._demo.smtp_server", "socket"): "aiosmtpd has to be told a port, so a free one is looked for",
}

# One implementation serves every event loop: nobody asks which it is.
LOOP_MODULES = frozenset({"asyncio", "trio", "uvloop", "sniffio"})
LOOP_EXCEPTIONS = {
    ("transfer._net.proxy", "asyncio"): "python-socks has one adapter per event loop and has to be told which",
}

WIRE_FORBIDDEN = IO_MODULES | LOOP_MODULES | {"subprocess", "threading", "os", "pathlib", "time"}

PUBLIC = frozenset({"transfer", "transfer.smtp", "transfer.ftp", "transfer.ftp.server", "transfer.__main__"})
REEXPORTS = frozenset(
    {
        f"transfer.smtp.{name}"
        for name in ("api", "auth", "email", "errors", "esmtp", "response", "smtp", "status", "typing")
    }
    | {f"transfer.ftp.{name}" for name in ("client", "server", "common", "errors", "pathio")}
)
LARGE_CLASSES = frozenset({"transfer.smtp:SMTP", "transfer.ftp:Client", "transfer.ftp:Server"})

MODULE_LINES, CLASS_LINES, FUNCTION_LINES, PUBLIC_METHODS = 400, 250, 40, 15

Function = ast.FunctionDef | ast.AsyncFunctionDef


@attrs.frozen
class Import:
    """One imported module, or one name of a package that may be a module."""

    name: str
    line: int
    typing_only: bool


@attrs.frozen
class Module:
    """One parsed source file."""

    name: str
    path: str
    tree: ast.Module
    length: int
    is_package: bool

    @property
    def layer(self) -> str:
        return self.name.partition(".")[2].partition(".")[0]

    @property
    def package(self) -> str:
        """The subpackage of the protocol layers, in which class names are unique: ``transfer.smtp``."""
        return ".".join(self.name.split(".")[:2])

    def at(self, node: ast.AST | int, message: str) -> str:
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return f"{self.path}:{line}: {message}"


def parse(name: str, text: str, *, path: str = "", is_package: bool = False) -> Module:
    return Module(name, path or f"{name}.py", ast.parse(text), len(text.splitlines()), is_package)


def read_modules() -> list[Module]:
    modules = []
    for path in sorted((SOURCE / "transfer").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules.append(
            parse(name, path.read_text("utf-8"), path=str(path.relative_to(SOURCE.parent)), is_package=is_package)
        )
    return modules


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).removeprefix("typing.") == "TYPE_CHECKING"


def imports(module: Module) -> Iterator[Import]:
    """Every import of *module*, at whatever depth; ``from a import b`` yields ``a.b``."""
    branches = [node for node in ast.walk(module.tree) if isinstance(node, ast.If) and is_type_checking(node)]
    typing_only = {id(inner) for branch in branches for child in branch.body for inner in ast.walk(child)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.name.split(".")
                kept = parents[: len(parents) - node.level + module.is_package]
                base = ".".join(filter(None, [*kept, base]))
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield Import(name, node.lineno, id(node) in typing_only)


def layer_of(name: str) -> str:
    """The layer that an imported dotted name belongs to; names of ``transfer`` itself are the facade, ``""``."""
    rest = name.partition(".")[2].partition(".")[0]
    return rest if rest in LAYERS else ""


def imports_point_down(module: Module) -> Iterator[str]:
    if module.layer not in LAYERS:
        yield module.at(1, f"{module.layer!r} is no layer: put it into one, or into LAYERS")
        return
    for found in imports(module):
        if found.name.partition(".")[0] != "transfer":
            continue
        target = layer_of(found.name)
        if any(module.name == who and found.name.startswith(what) for who, what in LAYER_EXCEPTIONS):
            continue
        if target != module.layer and target not in LAYERS[module.layer]:
            yield module.at(found.line, f"{module.layer or 'transfer'} imports {found.name}, which is not below it")


def wire_is_pure(module: Module) -> Iterator[str]:
    if module.layer != "_wire":
        return
    for found in imports(module):
        top = found.name.partition(".")[0]
        if top in WIRE_FORBIDDEN or (top not in sys.stdlib_module_names and top not in {"attrs", "attr", "transfer"}):
            yield module.at(found.line, f"_wire imports {found.name}; it stands on stdlib (no I/O), attrs, _errors")


def io_lives_in_net(module: Module) -> Iterator[str]:
    if module.layer == "_net":
        return
    for found in imports(module):
        top, _, last = found.name.rpartition(".")
        reached = found.name.partition(".")[0] if found.name.partition(".")[0] in IO_MODULES else None
        if top.startswith("anyio") and last in IO_NAMES:
            reached = last
        if reached and not found.typing_only and (module.name, reached) not in IO_EXCEPTIONS:
            yield module.at(found.line, f"{found.name} is imported outside _net")
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Attribute) or (module.name, node.attr) in IO_EXCEPTIONS:
            continue
        if node.attr in IO_NAMES and ast.unparse(node.value).startswith("anyio"):
            yield module.at(node, f"anyio.{node.attr} is used outside _net")


def no_loop_by_name(module: Module) -> Iterator[str]:
    for found in imports(module):
        top = found.name.partition(".")[0]
        if top in LOOP_MODULES and not found.typing_only and (module.name, top) not in LOOP_EXCEPTIONS:
            yield module.at(found.line, f"{top} is imported; anyio serves every loop")


def names_are_private(module: Module) -> Iterator[str]:
    if module.name in PUBLIC | REEXPORTS or module.layer == "cli":
        return
    if not any(part.startswith("_") for part in module.name.split(".")[1:]):
        yield module.at(1, f"{module.name} is neither private nor listed as public")


def reexports_are_thin(module: Module) -> Iterator[str]:
    if module.name not in REEXPORTS or module.is_package:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, Function | ast.ClassDef):
            yield module.at(node, f"{module.name} only re-exports; {node.name} belongs into a private module")


def body_lines(node: Function) -> int:
    """Lines of a function without its signature and docstring, blank lines and comments included."""
    first = node.body[0]
    has_docstring = ast.get_docstring(node, clean=False) is not None
    if has_docstring:
        return (node.end_lineno or 0) - (first.end_lineno or 0)
    # The signature ends where the body begins; a comment between them counts with the signature.
    decorators = getattr(first, "decorator_list", [])
    start = min([first.lineno, *(decorator.lineno for decorator in decorators)])
    return (node.end_lineno or 0) - start + 1


def class_lines(node: ast.ClassDef) -> int:
    """Lines of a class without docstrings and signatures: its methods' bodies and everything else."""
    total = (node.end_lineno or 0) - node.lineno
    if ast.get_docstring(node, clean=False) is not None:
        total -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    for method in node.body:
        if isinstance(method, Function):
            total -= (method.end_lineno or 0) - method.lineno + 1 - body_lines(method)
    return total


def public_methods(node: ast.ClassDef) -> set[str]:
    """Names of a class's public methods; properties are attributes, and overloads do not count twice."""
    return {
        method.name
        for method in node.body
        if isinstance(method, Function)
        and not method.name.startswith("_")
        and not any(
            ast.unparse(decorator).endswith(("property", ".setter", ".deleter")) for decorator in method.decorator_list
        )
    }


def pieces_are_small(module: Module) -> Iterator[str]:
    if module.length > MODULE_LINES:
        yield module.at(1, f"module has {module.length} lines, the limit is {MODULE_LINES}")
    for node in ast.walk(module.tree):
        if isinstance(node, Function) and (lines := body_lines(node)) > FUNCTION_LINES:
            yield module.at(node, f"{node.name} has {lines} lines, the limit is {FUNCTION_LINES}")
        if isinstance(node, ast.ClassDef) and f"{module.package}:{node.name}" not in LARGE_CLASSES:
            if (lines := class_lines(node)) > CLASS_LINES:
                yield module.at(node, f"class {node.name} has {lines} lines, the limit is {CLASS_LINES}")
            if (methods := len(public_methods(node))) > PUBLIC_METHODS:
                yield module.at(node, f"class {node.name} has {methods} public methods, the limit is {PUBLIC_METHODS}")


def only_the_command_line_prints(module: Module) -> Iterator[str]:
    if module.layer == "cli" or module.name.endswith(".__main__"):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield module.at(node, "print outside the command line")


Rule = Callable[[Module], Iterator[str]]
RULES: list[Rule] = [
    imports_point_down,
    wire_is_pure,
    io_lives_in_net,
    no_loop_by_name,
    names_are_private,
    reexports_are_thin,
    pieces_are_small,
    only_the_command_line_prints,
]
MODULES = read_modules()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_source_keeps_the_rule(rule: Rule) -> None:
    violations = [violation for module in MODULES for violation in rule(module)]

    assert not violations, "\n" + "\n".join(violations)


def test_exceptions_are_still_needed() -> None:
    """An exception that nothing uses any more is taken out of its table."""
    imported = {(module.name, found.name) for module in MODULES for found in imports(module)}
    for table in (LAYER_EXCEPTIONS, IO_EXCEPTIONS, LOOP_EXCEPTIONS):
        for who, what in table:
            assert any(name == who and what in target for name, target in imported), (who, what)


LONG_BODY = "\n".join(f"    x = {number}" for number in range(FUNCTION_LINES + 1))
LONG_CLASS = "class C:\n" + "\n".join(f"    a{number} = 1" for number in range(CLASS_LINES + 1))
MANY_METHODS = "class C:\n" + "\n".join(f"    def m{number}(self): ..." for number in range(PUBLIC_METHODS + 1))


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (imports_point_down, "transfer._wire.a", "import transfer._net.stream"),
        (imports_point_down, "transfer._net.a", "from transfer._wire import reply"),
        (imports_point_down, "transfer._net.a", "from .._wire import reply"),
        (imports_point_down, "transfer._engine.a", "def f():\n    from transfer.smtp import SMTP"),
        (imports_point_down, "transfer.smtp._a", "from transfer.ftp._client import Client"),
        (imports_point_down, "transfer.ftp._a", "from transfer import smtp"),
        (imports_point_down, "transfer.ftp._a", "from transfer import RetryPolicy"),
        (imports_point_down, "transfer._new.a", ""),
        (wire_is_pure, "transfer._wire.a", "import anyio.abc"),
        (wire_is_pure, "transfer._wire.a", "from socket import socket"),
        (io_lives_in_net, "transfer.smtp._a", "import ssl"),
        (io_lives_in_net, "transfer.ftp._a", "from socket import AF_INET"),
        (io_lives_in_net, "transfer._engine.a", "import anyio\nasync def f(s): await anyio.wait_readable(s)"),
        (io_lives_in_net, "transfer._engine.a", "from anyio import notify_closing"),
        (no_loop_by_name, "transfer._net.a", "import asyncio"),
        (names_are_private, "transfer.smtp.helpers", ""),
        (reexports_are_thin, "transfer.smtp.email", "def f(): ..."),
        (pieces_are_small, "transfer._wire.a", "\n" * (MODULE_LINES + 1)),
        (pieces_are_small, "transfer._wire.a", f"def f():\n{LONG_BODY}"),
        (pieces_are_small, "transfer._wire.a", LONG_CLASS),
        (pieces_are_small, "transfer._wire.a", MANY_METHODS),
        (only_the_command_line_prints, "transfer._net.a", "print()"),
    ],
)
def test_breach_is_reported_with_its_place(rule: Rule, name: str, text: str) -> None:
    violations = list(rule(parse(name, text)))

    assert len(violations) == 1
    assert violations[0].startswith(f"{name}.py:")


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (imports_point_down, "transfer._errors", "if TYPE_CHECKING:\n    from transfer._wire.reply import Reply"),
        (imports_point_down, "transfer", "from transfer._net import TLS"),
        (imports_point_down, "transfer.cli._demo", "from transfer import ftp, smtp, __version__"),
        (io_lives_in_net, "transfer.smtp._a", "if TYPE_CHECKING:\n    import ssl"),
        (io_lives_in_net, "transfer._net.a", "import socket, ssl, select"),
        (pieces_are_small, "transfer._wire.a", f'def f():\n    """{"x" + chr(10) * 50}"""\n    return 1'),
        (pieces_are_small, "transfer._wire.a", MANY_METHODS.replace("    def", "    @property\n    def")),
        (pieces_are_small, "transfer.smtp._client", LONG_CLASS.replace("class C", "class SMTP")),
        (only_the_command_line_prints, "transfer.cli._demo", "print()"),
    ],
)
def test_what_the_rules_allow_is_not_reported(rule: Rule, name: str, text: str) -> None:
    assert list(rule(parse(name, text))) == []
