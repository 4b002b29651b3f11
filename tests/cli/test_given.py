import shlex
from typing import Annotated

import pytest
import typer

from moldiff.cli.given import Recorded, command_line


@pytest.fixture
def verb():
    """Run a verb; return what it says of its call."""
    app, seen = typer.Typer(), []

    @app.command(cls=Recorded)
    def show(
        file: str,
        *,
        goals: Annotated[list[str] | None, typer.Option("--goal", "-g")] = None,
        n: Annotated[int, typer.Option("-n", "--number")] = 3,
        sdf: Annotated[bool, typer.Option("--sdf/--no-sdf")] = True,
        hits: Annotated[bool, typer.Option("--only-hits")] = False,
    ):
        seen.append((command_line(), (file, goals, n, sdf, hits)))

    def run(*words):
        app(list(words), prog_name="show", standalone_mode=False)
        return seen[-1]

    return run


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["a.csv"], "show a.csv"),
        (
            ["-g", "rings>=4", "a b.csv", "--goal", "max QED"],
            "show 'a b.csv' --goal 'rings>=4' --goal 'max QED'",
        ),
        (["x", "-n", "3"], "show x --number 3"),
        (["x", "--no-sdf", "--only-hits"], "show x --no-sdf --only-hits"),
        (["x", "--sdf"], "show x --sdf"),
        (["x", "-g", "--no-sdf"], "show x --goal --no-sdf"),
        (["x", "-g", "a'b\"c $HOME"], "show x --goal 'a'\"'\"'b\"c $HOME'"),
    ],
)
def test_the_line_says_what_was_given_and_means_the_same_again(verb, words, line):
    said, values = verb(*words)
    assert said == line
    assert verb(*shlex.split(said)[1:]) == (line, values)


def test_outside_of_a_verb_there_is_none(verb):
    verb("x")
    assert command_line() == ""
