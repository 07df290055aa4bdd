"""Writes the types of the raw view: the methods of every resource, with answers that are not read yet."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from syncgen.methods import docstring, first_line, set_off
from syncgen.sources import (
    ASYNC_PACKAGE,
    Function,
    Module,
    Package,
    Shape,
    Twin,
    functions,
    is_public,
    is_type_variable,
)

__all__ = ["raw_module"]

HEADER = f"# Written by tools/write_raw.py from {ASYNC_PACKAGE}/resources; change those, and run: make generate\n"

BEGINNING = '''"""
What the methods give on `with_raw_response`, for type checkers.

At run time the raw view is a client like any other, so none of these classes is ever made; import them to write types.
"""

from __future__ import annotations
'''

RAW_PAGES = '''
T = TypeVar("T")


class RawPages(Protocol[T]):
    """A list that may span several pages, each of them an answer that is not read yet."""

    def __await__(self) -> Generator[Any, None, RawResponse[Page[T]]]:
        """The first answer."""
        ...

    def pages(self) -> AsyncIterator[RawResponse[Page[T]]]:
        """The answers page by page, from the first, each fetched when it is reached."""
        ...
'''

_OWN_IMPORTS = {
    "AsyncIterator": "from collections.abc import AsyncIterator",
    "Generator": "from collections.abc import Generator",
    "Any": "from typing import Any",
    "Protocol": "from typing import Protocol",
    "TypeVar": "from typing import TypeVar",
    "RawResponse": f"from {ASYNC_PACKAGE}._answers import RawResponse",
    "Page": f"from {ASYNC_PACKAGE}.pagination import Page",
}

#: What a raw view of the client need not have: it is one already, and neither made by its class nor closed.
LEFT_OUT = frozenset({"aclose", "closeai", "with_raw_response"})


def raw_module(package: Package) -> str:
    """
    The module as source, not yet in its final form.

    Raises:
        ValueError: Two modules mean different things by one name.
    """
    return _Writer(package).text()


class _Writer:
    """Writes the module: one class for each that is another one on the raw view."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._imports = dict(_OWN_IMPORTS)

    def text(self) -> str:
        classes = [self._class(twin) for twin in self._package.twins.values() if self._differs(twin)]
        written = [ast.unparse(ast.fix_missing_locations(node)) for node in classes]
        return "\n".join([HEADER + BEGINNING, *self._imports.values(), RAW_PAGES, *written]) + "\n"

    def _differs(self, twin: Twin) -> bool:
        """Whether anything in a class is another thing on the raw view; what is not is used as it is."""
        if twin.shape not in (Shape.CLIENT, Shape.RESOURCE):
            return False
        module = self._package.modules[twin.module]
        returns = [found[-1].returns for name, found in functions(twin.node).items() if is_public(name)]
        return any(_raw(module, given) is not given for given in returns if given is not None) or any(
            self._differs(child) for child, _ in self._package.children(twin).values()
        )

    def _class(self, twin: Twin) -> ast.ClassDef:
        module = self._package.modules[twin.module]
        children = self._package.children(twin)
        node = ast.parse(f"class {self._name(twin)}(Protocol): pass").body[0]
        assert isinstance(node, ast.ClassDef)
        node.body = [_text(docstring(twin.node), indent=4)]
        for name, found in functions(twin.node).items():
            if is_public(name) and name not in children and name not in LEFT_OUT:
                node.body += self._method(module, found)
        for name, (child, annotation) in children.items():
            node.body.append(self._property(module, name, child, annotation))
        return node

    def _method(self, module: Module, found: list[Function]) -> Iterator[Function]:
        """A method with its overloads."""
        for method in found:
            new = copy.deepcopy(method)
            assert new.returns is not None
            new.returns = _raw(module, new.returns)
            new.body = ast.parse("...").body
            if method is found[-1]:
                new.body.insert(0, _text(docstring(method), indent=8))
            for part in (new.args, new.returns, *new.decorator_list):
                self._import_all(module, part)
            yield new

    def _property(self, module: Module, name: str, child: Twin, annotation: ast.expr) -> ast.FunctionDef:
        given = copy.deepcopy(annotation)
        for part in (part for part in ast.walk(given) if isinstance(part, ast.Name)):
            twin = self._package.twins.get(part.id)
            if twin is not None and self._differs(twin):
                part.id = self._name(twin)
            else:
                self._import_all(module, part)
        node = ast.parse(f"@property\ndef {name}(self) -> {ast.unparse(given)}: ...").body[0]
        assert isinstance(node, ast.FunctionDef)
        node.body.insert(0, _text(docstring(child.node), indent=8))
        return node

    def _name(self, twin: Twin) -> str:
        return f"Raw{twin.async_name}"

    def _import_all(self, module: Module, node: ast.AST) -> None:
        for name in (part.id for part in ast.walk(node) if isinstance(part, ast.Name)):
            if (line := _import(module, name)) and self._imports.setdefault(name, line) != line:
                raise ValueError(f"{name} is one thing in {module.name}, and elsewhere another: {line}")


def _raw(module: Module, given: ast.expr) -> ast.expr:
    """What a method gives on the raw view; the very same node if that is no other thing."""
    if isinstance(given, ast.BinOp):
        left, right = _raw(module, given.left), _raw(module, given.right)
        return given if (left, right) == (given.left, given.right) else ast.BinOp(left, given.op, right)
    if isinstance(given, ast.Subscript) and ast.unparse(given.value) == "Pages":
        return ast.Subscript(ast.Name("RawPages"), given.slice)
    head = given.value if isinstance(given, ast.Subscript) else given
    if not isinstance(head, ast.Name):
        return given
    found = module.imports.get(head.id)
    is_model = found is not None and found.module.startswith(f"{ASYNC_PACKAGE}.models")
    if is_model or head.id == "Page" or is_type_variable(module.definitions.get(head.id)):
        return ast.Subscript(ast.Name("RawResponse"), given)
    return given


def _import(module: Module, name: str) -> str | None:
    """How the written module gets a name; None for what is built in or written there."""
    found = module.imports.get(name)
    if found is not None:
        return found.line(name)
    if name not in module.definitions or is_type_variable(module.definitions[name]):
        return None
    return f"from {ASYNC_PACKAGE}.{module.name} import {name}"


def _text(text: str, *, indent: int) -> ast.Expr:
    return ast.Expr(ast.Constant(set_off(first_line(text), indent=indent)))
