"""Command templates of presets: read once into a small tree, rendered into argv for each plan.

    {name}             the canonical form of a parameter, a whole argument or a part of one
    {name.width}       one side of a size, -1 when it was left out; also {name.height}
    {source}           the absolute path of the source
    {source_format}    jpeg, png, ...: the format of the source for programs that want it said
    {{ and }}          braces
    ["-a", "{name}"]   a list in a command is an optional group: left out unless all of it has a value
    {name?}            in a group: no argument, it keeps the group if name has a value and is not off

An argument is rendered as one argument, whatever its values hold: nothing is ever split or joined by a
shell. This module knows no types and no programs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from tornado_media.presets.plan import Command

_token = re.compile(r"\{\{|\}\}|\{(?P<name>[a-z][a-z0-9_]*)(?P<part>\.[a-z]+|\?)?\}|[{}]")


_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A place for a value.

    Args:
        name: of the parameter, or one of the source's.
        part: "" or `.width`, `.height`; `?` for a condition.
    """

    name: str
    part: str = ""

    @property
    def key(self) -> str:
        """Where its value is among the values."""
        return self.name + self.part

    def __str__(self) -> str:
        return "{" + self.key + "}"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: text and placeholders, joined."""

    pieces: tuple[str | Placeholder, ...]

    def placeholders(self) -> tuple[Placeholder, ...]:
        """Its placeholders."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Placeholder))

    def render(self, values: Mapping[str, str]) -> str:
        """Its text.

        Raises:
            KeyError: a placeholder has no value.
        """
        return "".join(
            values[piece.key] if isinstance(piece, Placeholder) else piece for piece in self.pieces
        )

    def __str__(self) -> str:
        return "".join(map(str, self.pieces))


@dataclass(frozen=True, slots=True)
class Group:
    """Arguments that are there together or not at all.

    Args:
        conditions: placeholders that are asked, not written.
        arguments: what is written.
    """

    conditions: tuple[Placeholder, ...]
    arguments: tuple[Argument, ...]

    def placeholders(self) -> tuple[Placeholder, ...]:
        """All that must have a value."""
        return self.conditions + tuple(found for item in self.arguments for found in item.placeholders())

    def render(self, values: Mapping[str, str]) -> Iterator[str]:
        """Its arguments, or none."""
        if all(placeholder.key in values for placeholder in self.placeholders()):
            yield from (argument.render(values) for argument in self.arguments)


@dataclass(frozen=True, slots=True)
class CommandTemplate:
    """A program and its arguments.

    Args:
        program: its name or absolute path; never a placeholder.
        arguments: what follows.
    """

    program: str
    arguments: tuple[Argument | Group, ...]

    def placeholders(self) -> Iterator[tuple[Placeholder, bool]]:
        """Each placeholder, and whether it is in an optional group."""
        for item in self.arguments:
            yield from ((placeholder, isinstance(item, Group)) for placeholder in item.placeholders())

    def render(self, values: Mapping[str, str]) -> Command:
        """The command.

        Args:
            values: by the placeholders' keys; `name?` is there when a condition holds.

        Raises:
            KeyError: a placeholder outside a group has no value.
        """
        argv = [self.program]
        for item in self.arguments:
            if isinstance(item, Group):
                argv.extend(item.render(values))
            else:
                argv.append(item.render(values))
        return tuple(argv)


def parse_pipeline(commands: object) -> tuple[CommandTemplate, ...]:
    """Read the `pipeline` of a preset: a list of commands, each a list of texts and groups.

    Raises:
        ValueError: it cannot be read; the text says where and why.
    """
    if not isinstance(commands, list | tuple) or not commands:
        raise ValueError('a pipeline is a list of commands: [["convert", "-", "jpeg:-"]]')
    return tuple(
        _located(f"command {number}", _command, command) for number, command in enumerate(commands, 1)
    )


def parse_text(text: str) -> Argument:
    """Read one text with placeholders; conditions are refused.

    Raises:
        ValueError: a brace has no partner, or what is between two is no name.
    """
    argument = _argument(text)
    if any(placeholder.part == "?" for placeholder in argument.placeholders()):
        raise ValueError(f"{text!r}: a condition such as {{name?}} is an item of its own in a group")
    return argument


def _command(items: object) -> CommandTemplate:
    if not isinstance(items, list | tuple):
        raise ValueError('it is not a list; a command is ["program", "argument"]')
    if not items or not isinstance(items[0], str) or not items[0]:
        raise ValueError("the first item is the program's name")
    program = items[0]
    if "{" in program or "}" in program or "\0" in program:
        raise ValueError("a program has no placeholders: what is not configured cannot be run")
    if "/" in program and not program.startswith("/"):
        raise ValueError(f"{program!r} is neither a name nor an absolute path; give it a name in [programs]")
    return CommandTemplate(
        program,
        tuple(_located(f"argument {number}", _item, item) for number, item in enumerate(items[1:], 1)),
    )


def _item(item: object) -> Argument | Group:
    if isinstance(item, str):
        return parse_text(item)
    if isinstance(item, list | tuple):
        return _group(item)
    raise ValueError(f"{item!r} is neither text nor a group; numbers are written as text")


def _group(items: list[object] | tuple[object, ...]) -> Group:
    conditions: list[Placeholder] = []
    arguments: list[Argument] = []
    for item in items:
        if not isinstance(item, str):
            raise ValueError(f"{item!r} in a group is not text; a group cannot hold a group")
        match _argument(item).pieces:
            case (Placeholder(part="?") as condition,):
                conditions.append(condition)
            case _:
                arguments.append(parse_text(item))
    group = Group(tuple(conditions), tuple(arguments))
    if not arguments:
        raise ValueError("the group writes no argument")
    if not group.placeholders():
        raise ValueError("the group has no placeholder, so it is never left out; write its arguments plainly")
    return group


def _argument(text: str) -> Argument:
    if "\0" in text:
        raise ValueError(f"{text!r} holds a NUL, which no argument can")
    pieces: list[str | Placeholder] = []
    last = 0
    for match in _token.finditer(text):
        pieces.append(text[last : match.start()])
        last = match.end()
        if match["name"]:
            pieces.append(Placeholder(match["name"], match["part"] or ""))
        elif match[0] in {"{{", "}}"}:
            pieces.append(match[0][0])
        else:
            raise ValueError(
                f"{text!r}: a brace without its partner or a name; write {{{{ or }}}} for a brace"
            )
    pieces.append(text[last:])
    return Argument(tuple(piece for piece in pieces if piece != ""))


def _located(where: str, read: Callable[[object], _Read], value: object) -> _Read:
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
