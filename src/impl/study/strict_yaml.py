"""Strict YAML: a file becomes a tree of marked nodes, and nothing is ever guessed or constructed.

Every scalar stays the text that was written; `typed_tree` gives it the type that the schema asks for.
Refused: explicit tags, anchors, aliases, duplicate keys, several documents, anything but a mapping at
the root, files above the caps.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from impl.errors import Fault, StudyError, shorten
from impl.study.characters import plain

LARGEST_FILE = 1_000_000  # bytes; a study file is a few kilobytes (choice)
DEEPEST = 8  # levels of nesting; the schema needs 4
MOST_NODES = 10_000

Path_ = tuple[str, ...]


@dataclass(kw_only=True)
class Node:
    """One marked node. `kind` is what was written; `refused` nodes were reported and are not read further.

    text: the scalar as written; plain: written without quotes; value: the value of a typed format (TOML).
    entries: key -> (line of the key, node); items: nodes of a list.
    """

    kind: str
    line: int | None
    text: str = ""
    plain: bool = False
    value: object = None
    entries: dict[str, tuple[int | None, Node]] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    refused: bool = False


def read_text(path: Path, shown: str) -> str:
    """Text of a small UTF-8 file. Raises StudyError when it is missing, too large or not UTF-8."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise StudyError(
            [_fault("study.file", shown, error.strerror or "an error", "a readable file", "Check the path.")]
        ) from None
    if len(data) > LARGEST_FILE:
        raise StudyError(
            [_fault("study.too_large", shown, "more than 1 MB", "at most 1 MB", "Keep data in CSV files.")]
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StudyError(
            [
                _fault(
                    "study.encoding",
                    f"{shown}, line {line}",
                    "bytes that are not UTF-8",
                    "UTF-8 text",
                    "Save the file as UTF-8.",
                )
            ]
        ) from None


FAST = getattr(yaml, "CSafeLoader", None)
"""libyaml's parser, where PyYAML was built with it."""
_READ_OTHERWISE = re.compile(r"[\t\r\x85\u2028\u2029\ufeff]|\?(?![\"'\n])")
"""What the two parsers do not take alike: tabs, odd line breaks, and a question mark that ends no text."""


def parse_yaml(text: str, shown: str) -> tuple[Node | None, list[Fault]]:
    """Root mapping of one YAML document and the faults of its form; the root is None if it cannot be read."""
    if FAST is not None and not _READ_OTHERWISE.search(text):
        # The parser in C is ten times as fast. Where it has anything to object, the other one finds the words.
        quick = _Builder(shown=shown)
        with contextlib.suppress(yaml.YAMLError, ValueError, OverflowError):
            for event in yaml.parse(text, Loader=FAST):
                quick.take(event)
                if quick.faults:
                    break
            if not quick.faults and quick.root is not None and quick.root.kind == "mapping":
                return quick.root, []
    builder = _Builder(shown=shown)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.take(event)
            if builder.stopped:
                return None, builder.faults
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{shown}, line {mark.line + 1}" if mark else shown
        builder.faults.append(_syntax(place, text, mark.line if mark else None, error.problem))
        return None, builder.faults
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        builder.faults.append(
            _fault(
                "study.syntax",
                f"{shown}, line {line}",
                f"the character U+{ord(text[error.position]):04X}"
                if error.position < len(text)
                else "a character",
                "printable text",
                "Delete it.",
            )
        )
        return None, builder.faults
    except (yaml.YAMLError, ValueError, OverflowError):
        # an escape or directive with a number that Python cannot hold
        builder.faults.append(_syntax(shown, text, None, None))
        return None, builder.faults
    root = builder.root
    if root is None or root.refused:
        if not builder.faults:
            builder.faults.append(
                _fault(
                    "study.not_a_mapping",
                    shown,
                    "an empty file",
                    "keys with values",
                    "Start from a study file that works.",
                )
            )
        return None, builder.faults
    if root.kind != "mapping":
        builder.faults.append(
            _fault(
                "study.not_a_mapping",
                f"{shown}, line {root.line}",
                f"a {root.kind}",
                "keys with values",
                "Write 'schema: 1' on the first line and the other keys below it.",
            )
        )
        return None, builder.faults
    return root, builder.faults


def _syntax(place: str, text: str, line: int | None, problem: str | None) -> Fault:
    lines = text.splitlines()
    written = lines[line] if line is not None and line < len(lines) else ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return _fault(
            "study.syntax", place, "a tab", "spaces at the start of a line", "Indent with two spaces."
        )
    got = shorten(written.strip()) if written.strip() else "text that is not YAML"
    hint = f" ({problem})" if problem else ""
    return _fault(
        "study.syntax",
        place,
        got,
        f"valid YAML{hint}",
        "Put text that holds ':', '#', quotes or brackets in double quotes.",
    )


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)


def where_key(shown: str, line: int | None, path: Path_) -> str:
    """Place of a key as the user sees it: `svk.yaml, line 7, key 'model.priors.effect.sd'`."""
    place = shown if line is None else f"{shown}, line {line}"
    return f"{place}, key '{'.'.join(plain(part) for part in path)}'" if path else place


@dataclass(kw_only=True)
class _Open:
    """A mapping or list whose end has not come yet; `key` waits for its value."""

    node: Node
    path: Path_
    key: str | None = None
    key_line: int = 0
    skip: bool = False


@dataclass(kw_only=True)
class _Builder:
    shown: str
    root: Node | None = None
    faults: list[Fault] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    nodes: int = 0
    documents: int = 0
    stopped: bool = False

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._stop(
                    "study.documents",
                    line,
                    "a second document ('---')",
                    "one document in a file",
                    "Put each study in a file of its own.",
                )
        elif isinstance(event, yaml.AliasEvent):
            self._note(
                "study.alias",
                line,
                f"an alias (*{shorten(event.anchor, 30)})",
                "written-out values",
                "Write the value again in place of the alias.",
            )
            self._place(Node(kind="alias", line=line, refused=True))
        elif isinstance(event, (yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._start(event, line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.stack.pop()

    def _start(
        self, event: yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int
    ) -> None:
        refused = False
        if event.anchor is not None:
            refused = True
            self._note(
                "study.alias",
                line,
                f"an anchor (&{shorten(event.anchor, 30)})",
                "written-out values",
                "Delete the anchor and write values where they are used.",
            )
        if event.tag is not None:
            refused = True
            self._note(
                "study.tag",
                line,
                f"the tag {shorten(event.tag, 40)}",
                "plain values",
                "Delete the tag: the schema decides the type.",
            )
        if isinstance(event, yaml.ScalarEvent):
            plain = not event.style
            self._place(Node(kind="text", line=line, text=event.value, plain=plain, refused=refused))
            return
        kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "list"
        node = Node(kind=kind, line=line, refused=refused)
        path = self._path()
        skip = self._place(node)
        self.stack.append(_Open(node=node, path=path, skip=skip))
        if len(self.stack) > DEEPEST:
            self._stop(
                "study.too_deep",
                line,
                f"more than {DEEPEST} levels",
                f"at most {DEEPEST} levels",
                "No key of a study file lies that deep.",
            )

    def _path(self) -> Path_:
        if not self.stack:
            return ()
        top = self.stack[-1]
        if top.node.kind == "mapping":
            return (*top.path, top.key) if top.key is not None else top.path
        return (*top.path, str(len(top.node.items) + 1))

    def _place(self, node: Node) -> bool:
        """Hang the node where it belongs; True where what it holds must be passed over."""
        self.nodes += 1
        if self.nodes > MOST_NODES:
            self._stop(
                "study.too_many_nodes",
                node.line or 1,
                f"more than {MOST_NODES} values",
                f"at most {MOST_NODES}",
                "Keep data in CSV files.",
            )
        if not self.stack:
            self.root = node
            return False
        top = self.stack[-1]
        if top.skip:
            return True
        if top.node.kind == "list":
            top.node.items.append(node)
            return False
        if top.key is None:
            return self._take_key(top, node)
        key, top.key = top.key, None
        if key in top.node.entries:
            first = top.node.entries[key][0]
            self._note(
                "study.duplicate_key",
                top.key_line,
                f"the key '{plain(key)}' again",
                f"given once (first on line {first})",
                "Keep one of the two lines.",
                (*top.path, key),
            )
            return True
        top.node.entries[key] = (top.key_line, node)
        return False

    def _take_key(self, top: _Open, node: Node) -> bool:
        line = node.line or 1
        if node.kind != "text":
            self._stop(
                "study.key", line, f"a {node.kind} as a key", "a word as a key", "Write a word and a colon."
            )
            return True
        if node.text == "<<":
            self._note(
                "study.alias",
                line,
                "a merge key (<<)",
                "written-out values",
                "Write the values out in place of the merge.",
            )
        top.key, top.key_line = node.text, line
        return False

    def _note(
        self, code: str, line: int, got: str, allowed: str, fix: str, path: Path_ | None = None
    ) -> None:
        place = where_key(self.shown, line, self._path() if path is None else path)
        self.faults.append(_fault(code, place, got, allowed, fix))

    def _stop(self, code: str, line: int, got: str, allowed: str, fix: str) -> None:
        if not self.stopped:
            self.faults.append(_fault(code, f"{self.shown}, line {line}", got, allowed, fix))
        self.stopped = True
