"""Writes whole modules of the blocking package, and puts them into the one form with ruff."""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from pathlib import Path

from syncgen.methods import CALLBACKS, OFF_LOOP, Members, docstring, set_off
from syncgen.sources import (
    ASYNC_PACKAGE,
    Module,
    Package,
    Shape,
    Twin,
    functions,
    is_public,
    is_type_variable,
    return_names,
)
from syncgen.wording import sync_text, with_uvloop

__all__ = ["HEADER", "SYNC_PACKAGE", "formatted", "render"]

SYNC_PACKAGE = "nexevo_sync"

HEADER = "# Written by tools/generate_sync.py from {source}; change that, and run: make generate\n"

#: Names that written code uses and the source need not know.
_OWN_NAMES = {
    **dict.fromkeys((*CALLBACKS.values(), *OFF_LOOP.values()), f"{SYNC_PACKAGE}._callbacks"),
    **{shape.value: f"{SYNC_PACKAGE}._shapes" for shape in Shape},
    "Any": "typing",
    "ClientClosedError": f"{ASYNC_PACKAGE}.errors",
    "Generic": "typing",
    "Iterator": "collections.abc",
    "Portal": f"{SYNC_PACKAGE}._portal",
    "Protocol": "typing",
    "RawPages": f"{SYNC_PACKAGE}._raw_pages",
    "cached_property": "functools",
}


def render(root: Path) -> dict[str, str]:
    """
    Every file of the blocking package that is not written by hand, by its path below `root`.

    Raises:
        ValueError: Something in the async package has no shape that is known.
    """
    package = Package(root)
    files = {}
    for module in package.twinned_modules():
        path = module.path.replace(ASYNC_PACKAGE, SYNC_PACKAGE, 1)
        files[path] = _Writer(package, module).text()
    front = package.modules["__init__"]
    path = front.path.replace(ASYNC_PACKAGE, SYNC_PACKAGE, 1)
    files[path] = _front(package, front)
    return formatted(files, root)


class _Writer:
    """Writes one module."""

    def __init__(self, package: Package, module: Module) -> None:
        self._package = package
        self._module = module
        self._needed: dict[str, None] = {}

    def text(self) -> str:
        """The module as source, not yet in its final form."""
        body: list[ast.stmt] = []
        again: list[str] = []
        for name, definition in self._module.definitions.items():
            twin = self._package.twins.get(name)
            if twin is not None:
                body.append(self._class(twin))
            elif name in self._module.public and name not in _OWN_NAMES and not is_type_variable(definition):
                again.append(f"from {self._where()} import {name} as {name}")
        for name, found in self._module.imports.items():
            if name == found.original and found.module.startswith(ASYNC_PACKAGE) and self._is_package():
                again.append(self._re_export(name, found.module))
        variables = [
            ast.unparse(self._module.definitions[name])
            for name in self._needed
            if is_type_variable(self._module.definitions.get(name))
        ]
        if variables:
            self._needed["TypeVar"] = None
        imports = [self._import(name) for name in self._needed]
        text = _beginning(self._module)
        types_only = [line for line, conditional in filter(None, imports) if conditional]
        text += [line for line, conditional in filter(None, imports) if not conditional]
        text += again
        if types_only:
            text += ["from typing import TYPE_CHECKING", "if TYPE_CHECKING:", *(f"    {line}" for line in types_only)]
        text += ["", *variables]
        text += [ast.unparse(ast.fix_missing_locations(node)) for node in body]
        return "\n".join(text) + "\n"

    def _is_package(self) -> bool:
        return self._module.path.endswith("__init__.py")

    def _where(self) -> str:
        return f"{ASYNC_PACKAGE}.{self._module.name}"

    def _re_export(self, name: str, module: str) -> str:
        twin = self._package.twins.get(name)
        if twin is None:
            return f"from {module} import {name} as {name}"
        return f"from {SYNC_PACKAGE}.{twin.module} import {twin.sync_name} as {twin.sync_name}"

    def _need(self, name: str) -> None:
        self._needed[name] = None

    def _import(self, name: str) -> tuple[str, bool] | None:
        """How written code gets a name, and whether only type checkers need it; None for what is built in or here."""
        for twin in self._package.twins.values():
            if name == twin.sync_name:
                here = twin.module == self._module.name
                types_only = twin.shape is Shape.RAW
                return None if here else (f"from {SYNC_PACKAGE}.{twin.module} import {name}", types_only)
            if name == twin.alias:
                alias = "" if name == twin.async_name else f" as {name}"
                return f"from {ASYNC_PACKAGE}.{twin.module} import {twin.async_name}{alias}", False
        found = self._module.imports.get(name)
        if found is not None:
            return found.line(name), found.for_types_only
        if name in _OWN_NAMES:
            return f"from {_OWN_NAMES[name]} import {name}", False
        if name in self._module.public:
            return None  # it is there already, for others
        if name in self._module.definitions and not is_type_variable(self._module.definitions[name]):
            return f"from {self._where()} import {name}", False
        return ("from typing import TypeVar", False) if name == "TypeVar" else None

    # Classes

    def _class(self, twin: Twin) -> ast.ClassDef:
        members = Members(self._package, twin, self._need)
        self._need(twin.shape.value)
        if twin.shape is not Shape.RAW:
            self._need(twin.alias)
        text = sync_text(docstring(twin.node))
        if twin.shape is Shape.CLIENT:
            text = with_uvloop(text)
        node = ast.parse(f"class {twin.sync_name}({self._bases(twin)}): pass").body[0]
        assert isinstance(node, ast.ClassDef)
        node.body = [ast.Expr(ast.Constant(set_off(text, indent=4))), *self._members(twin, members)]
        return node

    def _members(self, twin: Twin, members: Members) -> list[ast.stmt]:
        body: list[ast.stmt] = []
        defined = functions(twin.node)
        if twin.shape is Shape.RAW:
            return [method for name, found in defined.items() for method in members.methods(name, found)]
        for name, found in defined.items():
            if twin.shape is Shape.CLIENT and name == "__init__":
                body.append(members.constructor(found[-1]))
            elif is_public(name) and self._package.child(found[-1]) is None:
                body += members.methods("close" if name == "aclose" else name, found)
            elif name == "__aiter__" and twin.shape is Shape.PAGER:
                body += members.methods("__iter__", found)
        body += [members.child(name, *child) for name, child in self._package.children(twin).items()]
        if twin.shape is Shape.OPENING:
            body.append(members.open())
        elif twin.shape is Shape.VIEW:
            source = self._package.viewed(twin)
            assert source is not None
            body.append(members.view_init(source))
        elif twin.shape is Shape.PAGER:
            awaited = return_names(defined["__await__"][-1].returns)
            pages = (self._module.definitions.get(name) for name in awaited)
            body += members.page_members(next(page for page in pages if isinstance(page, ast.ClassDef)))
        return body

    def _bases(self, twin: Twin) -> str:
        """The base class for its shape, with the async class and, where it gives items, their type."""
        if twin.shape is Shape.RAW:
            return "Protocol"
        parameters = self._parameters(twin)
        own = twin.alias + parameters
        defined = functions(twin.node)
        if twin.shape is Shape.RESOURCE and parameters:
            # What they stand for, such as the kind of client, is another thing on this side.
            self._need("Any")
            self._need("Generic")
            unknown = ", ".join("Any" for _ in parameters.split(","))
            return f"{twin.shape.value}[{twin.alias}[{unknown}]], Generic{parameters}"
        if twin.shape in (Shape.CLIENT, Shape.RESOURCE):
            return f"{twin.shape.value}[{own}]"
        if twin.shape is Shape.PAGER:
            del self._needed[twin.alias]
            self._need(twin.alias)
            return f"{twin.shape.value}{self._parameters(twin)}"
        given = defined["__aenter__" if twin.shape is Shape.OPENING else "__anext__"][-1].returns
        assert given is not None
        item = Members(self._package, twin, self._need)._renamed(given)
        return f"{twin.shape.value}[{item if twin.shape is Shape.VIEW else f'{own}, {item}'}]"

    def _parameters(self, twin: Twin) -> str:
        """``[T]`` of a generic class."""
        for base in twin.node.bases:
            if isinstance(base, ast.Subscript) and ast.unparse(base.value) == "Generic":
                for name in return_names(base.slice):
                    self._need(name)
                return f"[{ast.unparse(base.slice)}]"
        return ""


def _front(package: Package, module: Module) -> str:
    """The front of the package: the same names, found when they are first used."""
    homes: dict[str, str] = {}
    lines = []
    for name, found in module.imports.items():
        if found.for_types_only and name == found.original:
            twin = package.twins.get(name)
            own = name if twin is None else twin.sync_name
            homes[own] = found.module if twin is None else f"{SYNC_PACKAGE}.{twin.module}"
            lines.append(f"    from {homes[own]} import {own} as {own}")
    return "\n".join(
        [
            *_beginning(module),
            "from typing import TYPE_CHECKING, Any",
            "if TYPE_CHECKING:",
            *lines,
            "    __version__: str",
            "#: Where each public name lives; models, errors and settings are the async package's own.",
            f"_HOMES = {dict(sorted(homes.items()))!r}",
            "__all__ = [*_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]",
            _FINDING,
        ]
    )


_FINDING = f"""
def __getattr__(name: str) -> Any:
    if name == "__version__":
        from {ASYNC_PACKAGE}._version import version

        return version()
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
    from importlib import import_module

    found = getattr(import_module(home), name)
    globals()[name] = found  # the next look-up does not come here
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
"""


def _beginning(module: Module) -> list[str]:
    header = HEADER.format(source=module.path)
    if not module.tree.body:
        return [header]
    text = sync_text(docstring(module.tree))
    return [f'{header}"""{set_off(text, indent=0)}"""', "from __future__ import annotations"]


def formatted(files: dict[str, str], root: Path) -> dict[str, str]:
    """
    The files as ruff would leave them, with the settings of the project at `root`.

    Raises:
        RuntimeError: ruff cannot make sense of them.
    """
    ours = f'lint.isort.known-first-party = ["{ASYNC_PACKAGE}", "{SYNC_PACKAGE}"]'
    settings = ["--quiet", "--no-cache", "--config", str(root / "pyproject.toml"), "--config", ours]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for path, text in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text, encoding="utf-8")
        for how in (["check", "--fix-only", "--select", "I,UP,F401"], ["format"]):
            command = [sys.executable, "-m", "ruff", *how, *settings, name]
            done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
            if done.returncode:
                raise RuntimeError(f"ruff cannot format what was written: {done.stderr}")
        return {path: (place / path).read_text(encoding="utf-8") for path in files}
