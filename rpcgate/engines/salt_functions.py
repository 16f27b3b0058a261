"""How a module's words go to a minion as they are: Salt reads a text such as `a=b` as a named argument."""

import re
from typing import Any

from rpcgate.engines import Call
from rpcgate.engines.plan import VerbError

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
NAMED = re.compile(r"^([^\d\W][\w.-]*)=(?!=)(.*)$")  # salt.utils.args.KWARG_REGEX
# Values given to a template are never read as one
AS_GIVEN = "{{ salt[function](*positional, **named) | json }}"


def function_of(call: Call) -> tuple[str, list[Any]]:
    """Give the function and the arguments of the verb `call`; VerbError when it is none."""
    function, args, kwargs = _asked(call)
    if any(_misread(arg) for arg in args) or "__kwarg__" in kwargs:
        named = {"string": AS_GIVEN, "default_renderer": "jinja|json"}
        given = {"function": function, "positional": args, "named": kwargs}
        return "slsutil.renderer", [{"__kwarg__": True, **named, **given}]
    return function, [*args, {"__kwarg__": True, **kwargs}] if kwargs else list(args)


def state_of(call: Call) -> tuple[str, list[Any]]:
    """Give the function and the arguments of the verb `state`, "" being the highstate; VerbError when it is none."""
    sls, pillar = call.args.get("sls"), call.args.get("pillar") or {}
    if not isinstance(sls, str) or not isinstance(pillar, dict):
        raise VerbError("A state is the name of a state file, with a dict of pillar values.")
    named: dict[str, Any] = {"__kwarg__": True, "test": call.check} | ({"mods": sls} if sls.strip() else {})
    return "state.apply", [{**named, "pillar": pillar} if pillar else named]


def _asked(call: Call) -> tuple[str, list[Any], dict[str, Any]]:
    function, args, kwargs = call.args.get("function"), call.args.get("args", []), call.args.get("kwargs", {})
    if not isinstance(function, str) or not NAME.fullmatch(function):
        raise VerbError(f"{function!r} is no function of Salt; write module.function, for example service.restart.")
    if not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
        raise VerbError("A function's arguments are a list of values and a dict of named ones.")
    return function, list(args), kwargs


def _misread(arg: Any) -> bool:  # noqa: ANN401  # any JSON value
    return bool(NAMED.match(arg)) if isinstance(arg, str) else isinstance(arg, dict) and "__kwarg__" in arg
