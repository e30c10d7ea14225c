"""Read the YAML of contracts and their examples without loss.

Unlike a plain safe load, a key given twice is an error, decimals stay decimals, and timestamps stay text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from schema_registry.errors import Where


class _Loader(yaml.SafeLoader):
    """A safe loader with this module's constructors."""


def read(where: Where) -> dict[object, object]:
    """Return the mapping in a contract's file; ContractError if it is not UTF-8, not YAML or not one mapping."""
    content = read_any(where)
    if not isinstance(content, dict):
        raise where.error("must be a YAML mapping that starts with subject, version, kind")
    return content


def read_any(where: Where) -> object:
    """Return the one document in the file at `where`; ContractError if it is not UTF-8 or not YAML."""
    if where.file is None:
        raise ValueError("where must name a file")
    try:
        text = where.file.read_bytes().decode("utf-8")
        return yaml.load(text, Loader=_Loader)
    except UnicodeDecodeError as failure:
        raise where.error(f"must be UTF-8 text, byte {failure.start} is not") from failure
    except OSError as failure:
        raise where.error(f"cannot be read: {failure.strerror}") from failure
    except (yaml.YAMLError, ValueError, RecursionError) as failure:
        raise where.error(f"must be one YAML document: {_in_one_line(failure)}") from failure


def visible(folder: Path) -> list[Path]:
    """List a folder without hidden files and editors' leftovers."""
    return [each for each in sorted(folder.iterdir()) if not each.name.startswith((".", "_")) and each.name[-1] != "~"]


def _in_one_line(failure: Exception) -> str:
    mark = getattr(failure, "problem_mark", None)
    problem = getattr(failure, "problem", None) or str(failure).splitlines()[0]
    return problem if mark is None else f"line {mark.line + 1}: {problem}"


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key '{key.value}' is given twice", key.start_mark)
        seen.add(str(key.value))
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> Decimal | str:
    try:
        number = Decimal(node.value.replace("_", ""))
    except ArithmeticError:
        return str(node.value)
    return number if number.is_finite() else str(node.value)


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
