"""Load a module file's code: the one place where it runs, in a process that is there for it (rpcgate.trial, .child)."""

import contextlib
import hashlib
import io
import linecache
import sys
import traceback
from pathlib import Path
from types import CodeType, ModuleType

from sdk.errors import ModuleError
from sdk.module import Module, read_module

PREFIX = "_omserver_module_"


def load_source(name: str, source: bytes, path: Path | None = None) -> Module:
    """Load a module from exactly these bytes; ModuleError says what is wrong with them and where."""
    filename = str(path or f"{name}.py")
    lines = _text(source).splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)  # so that inspect finds the lines of a fault
    loaded = ModuleType(f"{PREFIX}{name}_{hashlib.sha256(source).hexdigest()[:12]}")
    loaded.__file__ = filename
    sys.modules[loaded.__name__] = loaded  # dataclasses and get_type_hints look the module up by its name
    code = _compiled(source, filename)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(code, loaded.__dict__)  # noqa: S102  # this is the one place where module files are loaded
            return read_module(name, loaded)
    except ModuleError as error:
        raise ModuleError(str(error), error.line or _line(error, filename)) from error
    except SystemExit as error:
        raise ModuleError("it calls exit while it is loaded; take that out", _line(error, filename)) from error
    except BaseException as error:  # foreign code: whatever it raises is its fault
        raise ModuleError(f"loading it raises {_shown(error)}", _line(error, filename)) from error


def _text(source: bytes) -> str:
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise ModuleError(f"byte {source[error.start]:#04x} is not UTF-8; save the file as UTF-8", line) from None


def _compiled(source: bytes, filename: str) -> CodeType:
    try:
        return compile(source, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise ModuleError(f"it is no Python: {error.msg}", error.lineno or 0) from None
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        raise ModuleError(f"it is no Python: {_shown(error)}") from None


def _line(error: BaseException, filename: str) -> int:
    """Find the deepest line of the file that the error passed through; 0 where it is none of its lines."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == filename), 0)


def _shown(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())[:300]
    except Exception:  # noqa: BLE001  # the exception's class may come from a module file
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
