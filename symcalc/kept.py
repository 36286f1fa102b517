"""Files of rules, parsed once: what TOML says is kept as Python keeps its compiled modules."""

from __future__ import annotations

import marshal
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from symcalc.late import pathlib, tomllib, util

if TYPE_CHECKING:
    from pathlib import Path


def rows_of(path: Path) -> dict[str, Any]:
    """Return what a file says; raise `TOMLDecodeError` or `UnicodeDecodeError` if it is no TOML.

    The parsed content lies in `__pycache__`, with the hash of the text that it is of.
    """
    text = path.read_bytes()
    key = util.source_hash(text)
    place = pathlib.Path(util.cache_from_source(str(path))).with_suffix(".rows")
    with suppress(OSError, ValueError, EOFError, TypeError):
        kept, rows = marshal.loads(place.read_bytes())
        if kept == key:
            found: dict[str, Any] = rows
            return found
    found = tomllib.loads(text.decode("utf-8"))
    if not sys.dont_write_bytecode:
        _keep(place, (key, found))
    return found


def _keep(place: Path, content: Any) -> None:
    """Write a file in one piece, if that is possible here."""
    draft = place.with_name(f"{place.name}.{os.getpid()}")
    with suppress(OSError, ValueError):
        place.parent.mkdir(exist_ok=True)
        draft.write_bytes(marshal.dumps(content))
        draft.replace(place)
