"""Reads the async package as syntax trees, and tells which classes need a blocking twin and of what shape."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

__all__ = [
    "Function",
    "Module",
    "Package",
    "Shape",
    "Twin",
    "functions",
    "is_public",
    "is_type_variable",
    "return_names",
]

ASYNC_PACKAGE = "nexevo_async"

#: The types of the raw view; what a list is there is written by hand on the blocking side.
RAW_MODULE = "raw"

#: Parts of the async package that have nothing to do with calls, or are values that both packages share.
NOT_TWINNED = frozenset({"cli", "config", "errors", "hooks", "models", "sandbox", "testing"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Shape(Enum):
    """What kind of twin a class gets; the base classes are in `nexevo_sync/_shapes.py`, but for types alone."""

    CLIENT = "ClientTwin"
    RESOURCE = "Twin"
    STREAM = "StreamTwin"
    ITERATOR = "IteratorTwin"
    VIEW = "ViewTwin"
    OPENING = "OpeningTwin"
    PAGER = "PagerTwin"
    RAW = "Protocol"


@dataclass(frozen=True)
class Import:
    """How a module gets a name: ``from module import original``, or ``import module`` if there is no original."""

    module: str
    original: str | None
    for_types_only: bool

    def line(self, name: str) -> str:
        """The statement that gets it as `name`."""
        alias = "" if name == (self.original or self.module) else f" as {name}"
        return f"from {self.module} import {self.original}{alias}" if self.original else f"import {self.module}{alias}"


@dataclass(frozen=True)
class Twin:
    """A class of the async package that needs a blocking side."""

    node: ast.ClassDef
    module: str
    shape: Shape

    @property
    def async_name(self) -> str:
        """Its name, and what it is imported as beside its twin."""
        return self.node.name

    @property
    def sync_name(self) -> str:
        """The name of the twin."""
        return self.node.name.replace("Async", "", 1)

    @property
    def alias(self) -> str:
        """What the async class is called in the module of its twin."""
        return self.node.name if self.node.name.startswith("Async") else f"Async{self.node.name}"


@dataclass
class Module:
    """One module of the async package; `name` is relative to it, such as ``resources.keys``."""

    name: str
    path: str
    tree: ast.Module
    imports: dict[str, Import] = field(default_factory=dict)
    definitions: dict[str, ast.stmt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.tree.body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                for inner in node.body:
                    self._note_import(inner, for_types_only=True)
            elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                self.definitions[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.definitions[node.targets[0].id] = node
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                self.definitions[node.target.id] = node
            else:
                self._note_import(node, for_types_only=False)

    def _note_import(self, node: ast.stmt, *, for_types_only: bool) -> None:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self.imports[alias.asname or alias.name] = Import(node.module or "", alias.name, for_types_only)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                self.imports[alias.asname or alias.name] = Import(alias.name, None, for_types_only)

    @property
    def public(self) -> list[str]:
        """The names it has for others: those of ``__all__``, or else those that look public and are no constants."""
        listed = self.definitions.get("__all__")
        if isinstance(listed, ast.Assign) and not any(isinstance(node, ast.Starred) for node in ast.walk(listed)):
            return [name for name in ast.literal_eval(listed.value) if name in self.definitions]
        return [name for name in self.definitions if is_public(name) and not name.isupper() and len(name) > 1]


class Package:
    """The async package: its modules and its twins."""

    def __init__(self, root: Path) -> None:
        self.root = root / ASYNC_PACKAGE
        self.modules = {module.name: module for module in self._read()}
        self.twins: dict[str, Twin] = {}
        for module in self.modules.values():
            for name, node in module.definitions.items():
                if isinstance(node, ast.ClassDef) and (shape := _shape(node, module)) is not None:
                    if name in self.twins:
                        raise ValueError(f"two classes are called {name}: in {self.twins[name].module}, {module.name}")
                    self.twins[name] = Twin(node, module.name, shape)
        for name, twin in self.twins.items():
            if twin.shape is Shape.ITERATOR and self.viewed(twin) is not None:
                self.twins[name] = Twin(twin.node, twin.module, Shape.VIEW)

    def _read(self) -> Iterator[Module]:
        for path in sorted(self.root.rglob("*.py")):
            parts = path.relative_to(self.root).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            if name == "__init__" or (parts[0] not in NOT_TWINNED and all(is_public(part) for part in name.split("."))):
                relative = path.relative_to(self.root.parent).as_posix()
                yield Module(name, relative, ast.parse(path.read_text(encoding="utf-8")))

    def viewed(self, twin: Twin) -> Twin | None:
        """For an iterator over another twin, made from nothing but that: the other twin."""
        init = functions(twin.node).get("__init__")
        if init is None or len(init[-1].args.args) != 2 or init[-1].args.kwonlyargs:
            return None
        annotation = init[-1].args.args[1].annotation
        names = return_names(annotation)
        return self.twins.get(names[0]) if len(names) >= 1 and _head(annotation) == names[0] else None

    def child(self, node: Function) -> Twin | None:
        """The resource that a property gives, which may be a generic one."""
        if not any(ast.unparse(decorator).endswith("property") for decorator in node.decorator_list):
            return None
        names = return_names(node.returns.value if isinstance(node.returns, ast.Subscript) else node.returns)
        twin = self.twins.get(names[0]) if len(names) == 1 else None
        return twin if twin is not None and twin.shape is Shape.RESOURCE else None

    def children(self, twin: Twin) -> dict[str, tuple[Twin, ast.expr]]:
        """Attributes that are twins, and their types: ``self.keys = Keys(…)``, ``keys: Keys``, or a property."""
        found: dict[str, tuple[Twin, ast.expr]] = {}

        def note(name: str, annotation: ast.expr | None) -> None:
            names = return_names(annotation)
            child = self.twins.get(names[0]) if names else None
            if annotation is not None and child is not None and is_public(name) and child.shape is Shape.RESOURCE:
                found[name] = child, annotation

        for node in ast.walk(twin.node):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
                made = node.value
                if isinstance(made, ast.Call) and isinstance(made.func, ast.Name):
                    note(node.targets[0].attr, made.func)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.annotation, ast.Name):
                target = node.target
                note(target.id if isinstance(target, ast.Name) else getattr(target, "attr", "_"), node.annotation)
            elif isinstance(node, ast.FunctionDef) and self.child(node) is not None:
                note(node.name, node.returns)
        return found

    def twinned_modules(self) -> list[Module]:
        """The modules that hold twins, and the packages around them."""
        holding = {twin.module for twin in self.twins.values()}
        return [
            module
            for module in self.modules.values()
            if module.name in holding or any(name.startswith(f"{module.name}.") for name in holding)
        ]


def _shape(node: ast.ClassDef, module: Module) -> Shape | None:
    defined = functions(node)
    if module.name == RAW_MODULE and "__await__" not in defined:
        return Shape.RAW
    if not is_public(node.name) or any(_head(base) in ("Protocol", "TypedDict") for base in node.bases):
        return None
    if module.name == "client" and "__aenter__" in defined:
        return Shape.CLIENT
    if "__anext__" in defined:
        return Shape.STREAM if "aclose" in defined else Shape.ITERATOR
    if "__await__" in defined:
        return Shape.OPENING if "__aenter__" in defined else Shape.PAGER
    coroutines = any(isinstance(function, ast.AsyncFunctionDef) for found in defined.values() for function in found)
    return Shape.RESOURCE if coroutines or any(_head(base) == "Resource" for base in node.bases) else None


def functions(node: ast.ClassDef) -> dict[str, list[Function]]:
    """The methods of a class by name; overloads first, the implementation last."""
    found: dict[str, list[Function]] = {}
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            found.setdefault(statement.name, []).append(statement)
    return found


def is_public(name: str) -> bool:
    """Whether a name is meant for users."""
    return not name.startswith("_")


def return_names(annotation: ast.expr | None) -> list[str]:
    """The plain names in an annotation, in order."""
    if annotation is None:
        return []
    return [node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)]


def _head(annotation: ast.expr | None) -> str | None:
    """``Pages`` of ``Pages[T]``."""
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return annotation.id if isinstance(annotation, ast.Name) else None


def is_type_variable(node: ast.stmt | None) -> bool:
    """Whether a definition is that of a type variable."""
    return isinstance(node, ast.Assign) and ast.unparse(node.value).startswith(("TypeVar(", "ParamSpec("))
