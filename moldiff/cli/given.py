"""The command line as it was given, for records that say how to repeat a run."""

from __future__ import annotations

import shlex
from contextvars import ContextVar
from typing import Any

import typer
from typer.core import TyperCommand

_LINE: ContextVar[str] = ContextVar("line", default="")


class Recorded(TyperCommand):
    """A verb that can be asked, while it runs, how it was called.

    Example:
        >>> app = typer.Typer()
        >>> @app.command(cls=Recorded)
        ... def show(goal: list[str], sdf: bool = True, number: int = 3) -> None:
        ...     print(command_line())
        >>> app(["a b", "c", "--no-sdf"], prog_name="show", standalone_mode=False)
        show 'a b' c --no-sdf
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the verb, and remember its words meanwhile."""
        before = _LINE.set(_words(ctx))
        try:
            return super().invoke(ctx)
        finally:
            _LINE.reset(before)


def command_line() -> str:
    """Return the command that runs: its verb with the options that were given, each in its long form.

    Returns:
        "" outside of a :class:`Recorded` verb.
    """
    return _LINE.get()


def _words(context: typer.Context) -> str:
    words = context.command_path.split()
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[name]
        if isinstance(value, bool):
            words.append(max(parameter.opts if value else parameter.secondary_opts, key=len))
            continue
        for entry in value if isinstance(value, list | tuple) else [value]:
            option = [] if parameter.param_type_name == "argument" else [max(parameter.opts, key=len)]
            words += [*option, str(entry)]
    return shlex.join(words)
