"""Declare a task module, and read what a file declares."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from types import ModuleType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from sdk import engines
from sdk.context import Context
from sdk.describe import fields_of
from sdk.errors import ModuleError
from sdk.event import Events
from sdk.fields import Field

Risk = Literal["read", "change", "destroy"]
Run = Callable[..., Events]
R = TypeVar("R", bound=Run)
RISKS = get_args(Risk)
DECLARATION = "__omserver__"
NO_PARAMS = (
    "there is no frozen dataclass Params; write two lines, `@dataclass(frozen=True)` and below it `class Params: ...`"
    " (three dots where there is nothing to ask)"
)
BY_PROTOCOL = {engines.Ssh: "ssh", engines.Ansible: "ansible", engines.Salt: "salt", engines.Func: "func"}


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `@module(...)` was given. timeout: seconds for one host."""

    risk: Risk
    category: str
    timeout: float
    number: int | None
    idempotent: bool
    check: bool


@dataclass(frozen=True, slots=True)
class Module:
    """A module file, read: its declaration, its form and its code.

    name: the file's name without .py. title: the docstring's first line without its full stop; help: the rest.
    engines: the names it may use; a portable module has all of them.
    """

    name: str
    title: str
    help: str
    declaration: Declaration
    params: type
    fields: tuple[Field, ...]
    engines: tuple[str, ...]
    portable: bool
    run: Run


def module(
    *,
    risk: Risk | None = None,
    category: str = "general",
    timeout: float = 60,
    number: int | None = None,
    idempotent: bool = False,
    check: bool = False,
) -> Callable[[R], R]:
    """Mark `run` as a module's entry. risk must be given: "read", "change" or "destroy"; None is refused.

    timeout: seconds for one host. number: the one its users know it by. idempotent: running it again does no harm, so
    the platform may repeat it. check: it honours ctx.check, so a dry run is offered. ModuleError on a wrong value.
    """
    if risk is None:
        raise ModuleError('risk is missing; write risk="read", "change" or "destroy"')
    if risk not in RISKS:
        raise ModuleError(f"risk is {risk!r}; write one of read, change, destroy")
    if not 0 < timeout <= 86_400:  # a day
        raise ModuleError(f"timeout is {timeout!r}; write seconds from 1 to 86400")
    declaration = Declaration(risk, category, float(timeout), number, idempotent, check)

    def mark(run: R) -> R:
        setattr(run, DECLARATION, declaration)
        return run

    return mark


def read_module(name: str, loaded: ModuleType) -> Module:
    """Read what a loaded module file declares; ModuleError says what is missing and what to write."""
    run = getattr(loaded, "run", None)
    declaration = getattr(run, DECLARATION, None)
    if not callable(run) or not isinstance(declaration, Declaration):
        raise ModuleError("there is no run decorated with @module; write @module(risk=...) above def run(...)")
    params = params_of(loaded)
    title, text = texts_of(loaded)
    if not title:
        raise ModuleError("there is no docstring; its first line is the title, the rest the help", 1)
    names, portable = engines_of(run)
    return Module(
        name=name,
        title=title,
        help=text,
        declaration=declaration,
        params=params,
        fields=fields_of(params),
        engines=names,
        portable=portable,
        run=run,
    )


def params_of(loaded: ModuleType) -> type:
    """Give a file's form, a frozen dataclass Params; ModuleError where it has none."""
    params = getattr(loaded, "Params", None)
    if not isinstance(params, type) or not is_dataclass(params) or not params.__dataclass_params__.frozen:  # type: ignore[attr-defined]  # CPython's own record of the decorator
        raise ModuleError(NO_PARAMS)
    return params


def texts_of(loaded: ModuleType) -> tuple[str, str]:
    """Give a file's docstring as title, without its full stop, and what follows; "" where there is none."""
    title, _, text = inspect.cleandoc(loaded.__doc__ or "").partition("\n")
    return title.strip().rstrip("."), text.strip()


def engines_of(run: Run) -> tuple[tuple[str, ...], bool]:
    """Read from run's first annotation, Context[...], which engines it uses and whether it is portable."""
    line = run.__code__.co_firstlineno
    if list(inspect.signature(run).parameters)[:3] != ["ctx", "targets", "params"]:
        raise ModuleError("run must take (ctx, targets, params)", line)
    hints: dict[str, Any] = get_type_hints(run)
    annotation = hints.get("ctx")
    if get_origin(annotation) is not Context:
        raise ModuleError(
            "run's ctx is not annotated; write ctx: Context[Engine], or Context[Salt] for one engine", line
        )
    (engine,) = get_args(annotation)
    if engine is engines.Engine:
        return engines.ENGINES, True
    wanted = get_args(engine) if get_origin(engine) in (Union, UnionType) else (engine,)
    unknown = [item for item in wanted if item not in BY_PROTOCOL]
    if unknown:
        raise ModuleError(f"ctx is Context[{engine!r}]; write Engine, Ssh, Ansible, Salt or Func in the brackets", line)
    names = tuple(BY_PROTOCOL[item] for item in wanted)
    if {"salt", "func"} <= set(names):  # both have a `call`, each with arguments of its own
        raise ModuleError("ctx is for Salt and Func at once, whose calls differ; write one module for each", line)
    return names, False
