"""Writes the members of a twin: decorators, signature, docstring, and one line through the portal."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

from syncgen.sources import Function, Package, Shape, Twin, functions, is_public, return_names
from syncgen.wording import OPEN, fitted, sync_text

__all__ = ["CALLBACKS", "OFF_LOOP", "Members", "docstring", "first_line", "set_off"]

_ITERATORS = frozenset({"AsyncGenerator", "AsyncIterable", "AsyncIterator"})
_AWAITABLES = frozenset({"Awaitable", "Coroutine"})

LINE_LENGTH = 120

#: Arguments of the client that users' own code comes in by, and what makes it fit for a blocking client.
CALLBACKS = {"api_key": "key_off_loop", "hooks": "hooks_off_loop", "session": "no_foreign_session"}

#: The same for functions and inputs that are handed to a method, told by their types.
OFF_LOOP = {"Awaitable": "call_off_loop", "AsyncIterable": "items_off_loop"}

_PAGE_DUNDERS = {
    "__getitem__": "self._first[key]",
    "__contains__": "item in self._first",
    "__len__": "len(self._first)",
}


class Members:
    """
    Writes members of one class.

    Args:
        package: Where the other twins are looked up.
        twin: The class.
        need: Told every name that the written code uses, so that it can be imported.
    """

    def __init__(self, package: Package, twin: Twin, need: Callable[[str], None]) -> None:
        self._package = package
        self._twin = twin
        self._need = need

    # Members, by kind

    def methods(self, name: str, found: list[Function]) -> Iterator[Function]:
        """A method with its overloads."""
        *overloads, last = found
        for overload in overloads:
            yield self._rewritten(overload, name, ast.parse("...").body)
        if self._twin.shape is Shape.RAW:
            yield self._rewritten(last, name, ast.parse("...").body)
            return
        decorators = {ast.unparse(decorator) for decorator in last.decorator_list}
        if "classmethod" in decorators or "staticmethod" in decorators:
            # It prepares arguments for the constructor and awaits nothing, so it is right as it stands.
            yield self._rewritten(last, name, [node for node in last.body if not _is_docstring(node)])
            return
        reading = any(decorator.endswith("property") for decorator in decorators)
        yield self._rewritten(last, name, self._body(last, reading=reading, overloaded=bool(overloads)))

    def child(self, name: str, twin: Twin, annotation: ast.expr) -> Function:
        """An attribute of the async object that has a twin of its own, made when it is first used."""
        self._need("cached_property")
        self._need(twin.sync_name)
        made = f"{twin.sync_name}(self._portal, self._async.{name})"
        told = sync_text(first_line(docstring(twin.node)))
        return _getter("cached_property", name, self._renamed(annotation), made, told)

    def open(self) -> Function:
        """What entering the context manager does, for those who cannot."""
        given = functions(self._twin.node)["__aenter__"][-1].returns
        stream = self._package.twins[return_names(given)[0]]
        self._need(stream.sync_name)
        made = f"{stream.sync_name}(self._portal, self._portal.call(lambda: self._async))"
        return _getter("", "open", stream.sync_name, made, OPEN)

    def view_init(self, source: Twin) -> Function:
        """The constructor of an iterator over another one."""
        init = functions(self._twin.node)["__init__"][-1]
        new = self._rewritten(init, "__init__", [])
        new.body = ast.parse(f"super().__init__({self._twin.alias}, {init.args.args[1].arg})").body
        self._need(source.sync_name)
        return new

    def page_members(self, page: ast.ClassDef) -> Iterator[Function]:
        """What the first page has and the list of all pages has not, handed on."""
        told = _attributes(docstring(page))
        for node in page.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and is_public(node.target.id):
                name = node.target.id
                words = told.get(name, f"The {name} of the first page.")
                yield _getter("property", name, self._renamed(node.annotation), f"self._first.{name}", words)
        for name, found in functions(page).items():
            if name in functions(self._twin.node) or not (is_public(name) or name in _PAGE_DUNDERS):
                continue
            *overloads, last = found
            for overload in overloads:
                yield self._rewritten(overload, name, ast.parse("...").body)
            reading = any(ast.unparse(decorator).endswith("property") for decorator in last.decorator_list)
            handed_on = f"self._first.{name}" if reading else f"self._first.{name}({self._passed_on(last)})"
            yield self._rewritten(last, name, ast.parse(f"return {_PAGE_DUNDERS.get(name, handed_on)}").body)

    # One line through the portal

    def _body(self, node: Function, *, reading: bool, overloaded: bool) -> list[ast.stmt]:
        name, shape = node.name, self._twin.shape
        passed = self._passed_on(node)
        if name == "aclose":
            return ast.parse("super().close()" if shape is Shape.CLIENT else "self._items.close()").body
        if shape is Shape.CLIENT and name == "is_closed":
            return ast.parse("return self._portal.closed").body
        if shape is Shape.STREAM and name == "next_batch":
            return ast.parse(f"return self._items.next_batch({passed})").body
        own = f"self._async.{name}"
        twin = self._package.twins.get(_head(node.returns) or "")
        if twin is not None and twin.shape is Shape.RAW:
            self._need("cast")
            return ast.parse(f"return cast('{twin.sync_name}', self._view(cast('{self._twin.alias}', {own})))").body
        there = own if reading else f"{own}({passed})"
        comma = f", {passed}" if passed else ""
        head = _head(node.returns)
        if head in _ITERATORS:
            return ast.parse(f"return self._portal.iterate(lambda: {there})").body
        if isinstance(node, ast.AsyncFunctionDef) or head in _AWAITABLES:
            through = "self._read_by" if shape is Shape.STREAM else "self._portal.call"
            # A type checker cannot choose an overload through the portal, so the call is made in a function.
            called = f"{through}(lambda: {there})" if overloaded else f"{through}({own}{comma})"
            return self._wrapped(called, self._result(node))
        if _has_twin(self._package, node.returns) or head == "Self":
            return self._wrapped(there, node.returns)
        return ast.parse(f"return self._portal.run({f'lambda: {there}' if reading else f'{own}{comma}'})").body

    def _wrapped(self, given: str, returns: ast.expr | None) -> list[ast.stmt]:
        """What the async side gave, as its blocking twin where it has one."""
        head = _head(returns)
        if head == "Self" and self._twin.shape is Shape.CLIENT:
            return ast.parse(f"return self._view({given})").body
        twin = self._package.twins.get(head or "")
        if twin is not None:
            self._need(twin.sync_name)
            if twin.shape is Shape.VIEW:
                return ast.parse(f"return {twin.sync_name}({self._view_source(twin)})").body
            maker = f"{twin.sync_name}.fetch" if twin.shape is Shape.PAGER else twin.sync_name
            return ast.parse(f"return {maker}(self._portal, {given})").body
        choices = [found for name in return_names(returns) if (found := self._package.twins.get(name)) is not None]
        if not choices:
            return ast.parse(f"return {given}").body
        (choice,) = choices
        self._need(choice.alias)
        return ast.parse(
            f"answer = {given}\n"
            f"return {choice.sync_name}(self._portal, answer) if isinstance(answer, {choice.alias}) else answer"
        ).body

    def _view_source(self, view: Twin) -> str:
        """What a view is over: this object, or what one of its methods gives."""
        source = self._package.viewed(view)
        assert source is not None
        if source == self._twin:
            return "self"
        for name, found in functions(self._twin.node).items():
            if is_public(name) and _head(found[-1].returns) == source.async_name:
                return f"self.{name}()"
        raise ValueError(f"{self._twin.async_name} gives a {view.async_name}, but no {source.async_name} to make it of")

    # Signatures

    def _rewritten(self, node: Function, name: str, body: list[ast.stmt]) -> ast.FunctionDef:
        new = ast.FunctionDef(
            name=name,
            args=copy.deepcopy(node.args),
            body=list(body),
            decorator_list=copy.deepcopy(node.decorator_list),
            returns=None if node.returns is None else ast.parse(self._renamed(self._result(node)), mode="eval").body,
            lineno=1,
            col_offset=0,
        )
        for argument in (*new.args.posonlyargs, *new.args.args, *new.args.kwonlyargs, new.args.vararg, new.args.kwarg):
            if argument is not None and argument.annotation is not None:
                blocking = _Blocking().visit(argument.annotation)
                argument.annotation = ast.parse(self._renamed(blocking), mode="eval").body
        for default in (*new.args.defaults, *new.args.kw_defaults):
            if default is not None:
                self._need_all(default)
        for part in (*new.decorator_list, *new.body):
            self._need_all(part)
        text = ast.get_docstring(node)
        if text is not None and name != "__init__":
            new.body.insert(0, _text(sync_text(text)))
        return new

    def _result(self, node: Function) -> ast.expr:
        """What the caller gets in the end: of an awaitable its value, of an async iterator a plain one."""
        returns = node.returns
        if returns is None:
            raise ValueError(f"{self._twin.async_name}.{node.name} does not say what it returns")
        if isinstance(returns, ast.Subscript):
            parts = returns.slice.elts if isinstance(returns.slice, ast.Tuple) else [returns.slice]
            if _head(returns) in _ITERATORS:
                return ast.Subscript(ast.Name("Iterator"), parts[0])
            if _head(returns) in _AWAITABLES:
                return parts[-1]
        return returns

    def _renamed(self, annotation: ast.expr) -> str:
        """The text of an annotation, with twins in the place of async classes."""
        new = copy.deepcopy(annotation)
        for name in (node for node in ast.walk(new) if isinstance(node, ast.Name)):
            if (twin := self._package.twins.get(name.id)) is not None:
                name.id = twin.sync_name
            self._need(name.id)
        return ast.unparse(new)

    def _need_all(self, node: ast.AST) -> None:
        for name in ast.walk(node):
            if isinstance(name, ast.Name):
                self._need(name.id)

    def _passed_on(self, node: Function) -> str:
        """The arguments of a method, as a call of the same method on the other side gives them."""
        arguments = node.args
        given = [*arguments.posonlyargs, *arguments.args][1:]
        parts = [self._off_loop(argument) for argument in given]
        parts += [f"*{arguments.vararg.arg}"] if arguments.vararg else []
        parts += [f"{argument.arg}={self._off_loop(argument)}" for argument in arguments.kwonlyargs]
        parts += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
        return ", ".join(parts)

    def _off_loop(self, argument: ast.arg) -> str:
        """An argument, fit for the loop if it is code of the users' own."""
        name = argument.arg
        if self._twin.shape is Shape.CLIENT and name in CALLBACKS:
            self._need(CALLBACKS[name])
            return f"{CALLBACKS[name]}({name})"
        wrapper = next((OFF_LOOP[kind] for kind in return_names(argument.annotation) if kind in OFF_LOOP), None)
        if wrapper is None or self._twin.shape is not Shape.RESOURCE:
            return name
        self._need(wrapper)
        return f"{wrapper}({name})" if wrapper == OFF_LOOP["AsyncIterable"] else f"{wrapper}(self._portal, {name})"

    def constructor(self, node: Function) -> ast.FunctionDef:
        """The constructor of the client: the async client's own, and the choice of the loop."""
        new = self._rewritten(node, "__init__", [])
        new.args.kwonlyargs.append(ast.arg("uvloop", ast.Name("bool")))
        new.args.kw_defaults.append(ast.Constant(value=False))
        self._need("ClientClosedError")
        self._need("Portal")
        new.body = ast.parse(
            f"client = {self._twin.alias}({self._passed_on(node)})\n"
            "super().__init__(Portal(client.aclose, closed_error=ClientClosedError, uvloop=uvloop), client)"
        ).body
        return new


class _Blocking(ast.NodeTransformer):
    """Types of arguments for a blocking client: functions give values, and inputs are plain ones."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """``Awaitable[T]`` is ``T``."""
        self.generic_visit(node)
        return node.slice if _head(node) in _AWAITABLES else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """``Iterable[T] | AsyncIterable[T]`` is ``Iterable[T]``."""
        self.generic_visit(node)
        return node.left if _head(node.right) in _ITERATORS else node


def docstring(node: ast.ClassDef | ast.Module | Function) -> str:
    """Its docstring; every public thing has one."""
    text = ast.get_docstring(node)
    if text is None:
        raise ValueError(f"{getattr(node, 'name', 'a module')} has no docstring")
    return text


def first_line(text: str) -> str:
    """Its first paragraph, for the places where that is enough."""
    return text.strip().split("\n\n", maxsplit=1)[0]


def set_off(text: str, *, indent: int) -> str:
    """The text as the house writes docstrings: within the line, and longer ones set off from their quotes."""
    text = fitted(text, LINE_LENGTH - indent - (0 if "\n" in text else 6))
    return f"\n{text}\n" if "\n" in text else text


def _text(text: str) -> ast.Expr:
    return ast.Expr(ast.Constant(set_off(text, indent=8)))


def _getter(decorator: str, name: str, returns: str, expression: str, text: str) -> ast.FunctionDef:
    decorated = f"@{decorator}\n" if decorator else ""
    node = ast.parse(f"{decorated}def {name}(self) -> {returns}:\n    return {expression}").body[0]
    assert isinstance(node, ast.FunctionDef)
    node.body.insert(0, _text(text))
    return node


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _head(annotation: ast.expr | None) -> str | None:
    names = return_names(annotation.value if isinstance(annotation, ast.Subscript) else annotation)
    return names[0] if len(names) == 1 and not isinstance(annotation, ast.BinOp) else None


def _has_twin(package: Package, annotation: ast.expr | None) -> bool:
    return any(name in package.twins for name in return_names(annotation))


def _attributes(text: str) -> dict[str, str]:
    """The ``Attributes:`` of a docstring, each on one line."""
    section = text.partition("Attributes:\n")[2].partition("\n\n")[0]
    found: dict[str, str] = {}
    last = ""
    for line in section.splitlines():
        name, colon, rest = line.strip().partition(": ")
        if colon and line.startswith("    ") and not line.startswith("     "):
            last = name
            found[last] = rest
        elif last:
            found[last] += f" {line.strip()}"
    return found
