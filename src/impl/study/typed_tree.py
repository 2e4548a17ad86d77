"""From marked nodes to values: the schema decides each type, and every fault is named by file, line and key.

One walk serves YAML (scalars are text) and TOML (scalars are typed). pydantic has the last word on limits.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from impl.errors import Fault, nearest, shorten
from impl.study.characters import hidden_character, holds_identity_number, plain
from impl.study.strict_yaml import Node, Path_, where_key

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?")
_NULLS = ("", "null", "~")
_BAD = object()

_PATTERNS = {
    r"^[a-z0-9][a-z0-9-]{0,62}$": "1-63 of a-z, 0-9 and hyphen",
    r"^[a-z][a-z0-9_]{0,62}$": "1-63 of a-z, 0-9 and underscore, a letter first",
    r"^[0-9]{2}_[a-z0-9_]{1,60}$": "two digits, an underscore and a name (30_stepped_wedge)",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "a date as 2026-01-31",
}


@dataclass(kw_only=True)
class Reading[Model: BaseModel]:
    """What came out of a tree: the model if everything fitted, else the readable part, and the faults.

    values: readable fields by key. lines: key path -> line, for faults found later.
    """

    model: Model | None
    values: dict[str, Any]
    lines: dict[Path_, int | None]
    faults: list[Fault] = field(default_factory=list)


def read_tree[Model: BaseModel](root: Node, model: type[Model], shown: str) -> Reading[Model]:
    """Read a tree by the annotations of `model`; faults are collected, none is raised."""
    walk = _Walk(shown=shown)
    values = walk.fields(model, root, ())
    made = walk.make(model, values, root, ()) if values is not None else None
    result = made if isinstance(made, model) and not walk.faults else None
    return Reading(model=result, values=walk.readable, lines=walk.lines, faults=walk.faults)


def node_of(value: object) -> Node:
    """Tree of an already typed value (tomllib); dates stay dates, nothing has a line."""
    if isinstance(value, dict):
        entries: dict[str, tuple[int | None, Node]] = {
            str(key): (None, node_of(item)) for key, item in value.items()
        }
        return Node(kind="mapping", line=None, entries=entries)
    if isinstance(value, list):
        return Node(kind="list", line=None, items=[node_of(item) for item in value])
    if isinstance(value, str):
        return Node(kind="text", line=None, text=value)
    return Node(kind="value", line=None, text=str(value), value=value)


def allowed_keys(model: type[BaseModel]) -> tuple[str, ...]:
    """Keys of a model as users write them."""
    return tuple(info.alias or name for name, info in model.model_fields.items())


@dataclass(kw_only=True)
class _Walk:
    shown: str
    faults: list[Fault] = field(default_factory=list)
    lines: dict[Path_, int | None] = field(default_factory=dict)
    readable: dict[str, Any] = field(default_factory=dict)

    def note(self, code: str, line: int | None, path: Path_, got: str, allowed: str, fix: str) -> object:
        where = where_key(self.shown, line, path)
        self.faults.append(Fault(code=code, where=where, got=got, allowed=allowed, fix=fix.strip()))
        return _BAD

    def wrong(self, node: Node, path: Path_, allowed: str, fix: str = "") -> object:
        advice = fix or f"See '{path[-1] if path else 'schema'}' in the printed schema (impl schema)."
        return self.note("study.wrong_type", node.line, path, _got(node), allowed, advice)

    def fields(self, model: type[BaseModel], node: Node, path: Path_) -> dict[str, Any] | None:
        """Readable fields of a mapping by key; None if it is no mapping or any field had a fault."""
        if node.kind != "mapping":
            self.wrong(node, path, f"keys with values ({', '.join(allowed_keys(model))})")
            return None
        known = {info.alias or name: info for name, info in model.model_fields.items()}
        values: dict[str, Any] = {}
        complete = True
        for key, (line, child) in node.entries.items():
            here = (*path, key)
            self.lines[here] = line
            if key not in known:
                complete = False
                if key != "<<":  # the loader has said so
                    advice = nearest(key, known) or "Delete the line."
                    if key.isdigit():
                        advice = "If it is part of a number, write a decimal point: 0.15."
                    self.note(
                        "study.unknown_key",
                        line,
                        here,
                        "an unknown key",
                        f"one of {', '.join(known)}",
                        advice,
                    )
                continue
            value = self.read(known[key].annotation, child, here)
            if value is _BAD:
                complete = False
                continue
            values[key] = value
            if not path:
                self.readable[key] = value
        for key, info in known.items():
            if info.is_required() and key not in node.entries:
                complete = False
                self.note(
                    "study.missing_key",
                    node.line if path else None,
                    (*path, key),
                    "nothing",
                    _words(info.annotation),
                    f"Add '{key}'.",
                )
        if complete:
            return values
        self.limits(model, values, node, path)
        return None

    def make(self, model: type[BaseModel], values: dict[str, Any], node: Node, path: Path_) -> object:
        try:
            return model.model_validate(values, by_alias=True)
        except ValidationError as error:
            self.refuse(error, node, path)
            return _BAD

    def limits(self, model: type[BaseModel], values: dict[str, Any], node: Node, path: Path_) -> None:
        """Report broken limits of the readable fields of a mapping that is already known to be at fault."""
        try:
            model.model_validate(values, by_alias=True)
        except ValidationError as error:
            self.refuse(error, node, path, known_missing=True)

    def refuse(self, error: ValidationError, node: Node, path: Path_, *, known_missing: bool = False) -> None:
        for detail in error.errors(include_url=False):
            if known_missing and detail["type"] == "missing":
                continue
            steps, target = _locate(node, detail["loc"])
            here = (*path, *steps)
            self.readable.pop(here[0], None) if here else None
            allowed, advice = _limit(detail)
            self.note("study.not_allowed", target.line, here, _got(target), allowed, advice)

    def read(self, annotation: Any, node: Node, path: Path_) -> Any:
        """Value of one node by its annotation, or _BAD with the fault noted."""
        if node.refused:
            return _BAD
        annotation = _bare(annotation)
        origin = get_origin(annotation)
        if origin in (Union, types.UnionType):
            return self.union(get_args(annotation), node, path)
        if origin is Literal:
            return self.word(get_args(annotation), node, path)
        if origin is tuple:
            return self.sequence(get_args(annotation)[0], node, path)
        if origin is dict:
            return self.dictionary(get_args(annotation), node, path)
        if _is_model(annotation):
            values = self.fields(annotation, node, path)
            return _BAD if values is None else self.make(annotation, values, node, path)
        return self.scalar(annotation, node, path)

    def union(self, options: tuple[Any, ...], node: Node, path: Path_) -> Any:
        if type(None) in options:
            if node.kind == "text" and node.plain and node.text in _NULLS:
                return None
            options = tuple(option for option in options if option is not type(None))
        models = [option for option in options if _is_model(option)]
        words = [option for option in options if not _is_model(option)]
        if models and words and node.kind not in ("mapping", "text"):
            return self.wrong(node, path, " or ".join(_words(option) for option in (*words, *models)))
        return self.read((models or words)[0] if node.kind == "mapping" else (words or models)[0], node, path)

    def word(self, allowed: tuple[Any, ...], node: Node, path: Path_) -> Any:
        if node.kind in ("text", "value"):
            for option in allowed:
                if isinstance(option, str) and node.kind == "text" and node.text == option:
                    return option
                if isinstance(option, int) and (
                    (node.plain and node.text == str(option))
                    or (node.kind == "value" and node.value == option and not isinstance(node.value, bool))
                ):
                    return option
        words = [str(option) for option in allowed]
        advice = nearest(node.text, words) if node.kind == "text" else ""
        if node.kind == "text" and node.text in words:
            advice = "Write it without quotes."
        return self.wrong(
            node,
            path,
            f"one of {', '.join(words)}" if len(words) > 1 else words[0],
            advice or f"Write {words[0]}." if len(words) == 1 else advice or "Choose one of these.",
        )

    def sequence(self, item: Any, node: Node, path: Path_) -> Any:
        if node.kind != "list":
            return self.wrong(node, path, "a list", f"Write it in square brackets: [{shorten_item(node)}].")
        values = []
        for position, child in enumerate(node.items, 1):
            self.lines[(*path, str(position))] = child.line
            values.append(self.read(item, child, (*path, str(position))))
        return _BAD if any(value is _BAD for value in values) else tuple(values)

    def dictionary(self, arguments: tuple[Any, ...], node: Node, path: Path_) -> Any:
        keys = [str(key) for key in get_args(_bare(arguments[0]))]
        if node.kind != "mapping":
            if not keys:
                return self.wrong(node, path, "keys with values", "Write {key: value}.")
            first = keys[0]
            return self.wrong(
                node,
                path,
                f"one text a language ({', '.join(keys)})",
                f"Write {{{first}: {shorten_item(node)}}}.",
            )
        values: dict[str, Any] = {}
        complete = True
        for key, (line, child) in node.entries.items():
            here = (*path, key)
            self.lines[here] = line
            if keys and key not in keys:
                complete = False
                if key != "<<":
                    advice = nearest(key, keys) or "Delete the line."
                    self.note(
                        "study.unknown_key", line, here, "an unknown key", f"one of {', '.join(keys)}", advice
                    )
                continue
            value = self.read(arguments[1], child, here)
            complete = complete and value is not _BAD
            values[key] = value
        if complete and "nb" in keys and "nb" not in values:
            return self.note(
                "study.missing_key",
                node.line,
                (*path, "nb"),
                "nothing",
                "a text",
                "Add 'nb': a missing language falls back to bokmål.",
            )
        return values if complete else _BAD

    def scalar(self, annotation: Any, node: Node, path: Path_) -> Any:
        readers: dict[Any, Callable[[Node, Path_], Any]] = {
            str: self.text,
            bool: self.truth,
            int: self.whole,
            float: self.decimal,
            date: self.day,
        }
        return readers[annotation](node, path)

    def text(self, node: Node, path: Path_) -> Any:
        if node.kind != "text":
            return self.wrong(node, path, "a text", "Put it in quotes." if node.kind == "value" else "")
        hidden = hidden_character(node.text)
        if hidden is not None:
            return self.note(
                "study.hidden_character",
                node.line,
                path,
                f"a text with {hidden}",
                "visible text",
                "Delete the character, or type the text again.",
            )
        if holds_identity_number(node.text):
            return self.note(
                "study.identity_number",
                node.line,
                path,
                "a text with a national identity number",
                "free of personal data",
                "Delete the number.",
            )
        return node.text

    def truth(self, node: Node, path: Path_) -> Any:
        if isinstance(node.value, bool):
            return node.value
        if node.plain and node.text in ("true", "false"):
            return node.text == "true"
        meant = {"yes": "true", "ja": "true", "on": "true", "no": "false", "nei": "false", "off": "false"}
        word = meant.get(node.text.lower()) if node.kind == "text" else None
        return self.wrong(node, path, "true or false", f"Write {word}." if word else "Write true or false.")

    def whole(self, node: Node, path: Path_) -> Any:
        if isinstance(node.value, int) and not isinstance(node.value, bool):
            return node.value
        if node.plain and _WHOLE.fullmatch(node.text):
            return int(node.text)
        return self.wrong(node, path, "a whole number", _number_advice(node, "12"))

    def decimal(self, node: Node, path: Path_) -> Any:
        if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            return float(node.value)
        if node.plain and _DECIMAL.fullmatch(node.text):
            return float(node.text)
        return self.wrong(node, path, "a number", _number_advice(node, "0.15"))

    def day(self, node: Node, path: Path_) -> Any:
        if isinstance(node.value, date):
            return node.value
        if node.kind == "text" and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", node.text):
            try:
                return date.fromisoformat(node.text)
            except ValueError:
                pass
        return self.wrong(node, path, "a date", "Write year-month-day: 2026-01-31.")


def shorten_item(node: Node) -> str:
    return plain(node.text, 40) if node.kind in ("text", "value") and node.text else "…"


def _bare(annotation: Any) -> Any:
    """Annotation without its limits; pydantic judges those."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    return annotation


def _is_model(annotation: Any) -> bool:
    annotation = _bare(annotation)
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _number_advice(node: Node, example: str) -> str:
    if node.kind == "text" and not node.plain and _DECIMAL.fullmatch(node.text):
        return "Write it without quotes."
    if node.kind == "text" and re.fullmatch(r"-?[0-9]+,[0-9]+", node.text):
        return f"Write a decimal point: {plain(node.text.replace(',', '.'))}."
    return f"Write digits only, as {example}."


def _got(node: Node) -> str:
    if node.kind == "text":
        return shorten(node.text) if node.text or not node.plain else "nothing"
    if node.kind == "mapping" and node.entries and all(child.text for _, child in node.entries.values()):
        return shorten(
            "{" + ", ".join(f"{key}: {child.text}" for key, (_, child) in node.entries.items()) + "}"
        ).strip("'")
    return shorten(node.value, 60) if node.kind == "value" else f"a {node.kind}"


def _words(annotation: Any) -> str:
    annotation = _bare(annotation)
    if get_origin(annotation) is Literal:
        return f"one of {', '.join(str(option) for option in get_args(annotation))}"
    if get_origin(annotation) is dict:
        return "one text a language"
    if get_origin(annotation) is tuple:
        return "a list"
    names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", date: "a date"}
    if annotation in names:
        return names[annotation]
    if _is_model(annotation):
        return f"keys with values ({', '.join(allowed_keys(annotation))})"
    return "given"


def _locate(node: Node, location: tuple[int | str, ...]) -> tuple[Path_, Node]:
    """Steps and node of a pydantic error location; steps that are not in the file (union tags) are left out."""
    steps: list[str] = []
    for step in location:
        if isinstance(step, int) and node.kind == "list" and step < len(node.items):
            steps.append(str(step + 1))
            node = node.items[step]
        elif isinstance(step, str) and node.kind == "mapping" and step in node.entries:
            steps.append(step)
            node = node.entries[step][1]
    return tuple(steps), node


def _limit(detail: ErrorDetails) -> tuple[str, str]:
    """What a broken limit allows, and what to do, in words."""
    context = detail.get("ctx", {})
    kind = detail["type"]
    signs = {
        "greater_than": ("gt", ">"),
        "greater_than_equal": ("ge", "at least"),
        "less_than": ("lt", "<"),
        "less_than_equal": ("le", "at most"),
    }
    if kind in signs:
        key, sign = signs[kind]
        return f"{sign} {context[key]:g}", "Change the number."
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(str(context["pattern"]), f"text like {context['pattern']}"), "Change the text."
    if kind == "string_too_short":
        return "a text", "Write the text."
    if kind == "string_too_long":
        return f"at most {context['max_length']} characters", "Shorten the text."
    if kind == "too_short":
        return f"a list of at least {context['min_length']}", "Add to the list."
    if kind == "finite_number":
        return "a finite number", "Change the number."
    if "fix" in context:  # the schema's own checks say what to do
        return detail["msg"], str(context["fix"])
    if kind == "value_error":
        return str(context["error"]).removeprefix("must be "), "Change one of the two."
    return detail["msg"].lower(), "Change the value."
