"""The documentation does what it says: its Python runs, its commands exist, its links lead somewhere."""

import doctest
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from moldiff.cli import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])

if not (ROOT / "docs").is_dir():
    pytest.skip("the documentation is not installed", allow_module_level=True)


def ids(page):
    return page.name


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_python_on_the_page_runs(page):
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failures, _ = doctest.testfile(str(page), module_relative=False, optionflags=flags, encoding="utf-8")
    assert not failures


def programs(page):
    """Return the Python blocks of a page that are no doctests."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if ">>>" not in block]


SHORTER = {
    "seed=0)": "seed=0, chunk=16, steps=16)",
    "seed=1)": "seed=1, chunk=16, steps=16)",
    "state.proposed >= 1000": "state.proposed >= 32",
    'goals=["logS=-2"': 'chunk=16, steps=4, max_proposals=16, goals=["logS=-2"',
    "tokens=2e7": "tokens=2e3, batch_tokens=512, width=32, depth=1, heads=1",
    'folder="models/mine")': 'folder="models/mine", compiled=False, progress=False)',
}
"""What makes the programs of the pages quick: the same calls with less of everything."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", [page for page in PAGES if programs(page)], ids=ids)
def test_programs_on_the_page_run(page, tmp_path, monkeypatch):
    """In the order in which they stand, in one namespace, beside a table of one's own."""
    monkeypatch.chdir(tmp_path)
    smiles = [f"{'C' * n}{end}" for n in range(1, 41) for end in ("O", "N", "F", "C1CC1", "c1ccccc1")]
    rows = "".join(f"{text},{-0.1 * len(text):.1f}\n" for text in smiles)
    (tmp_path / "mine.csv").write_text(f"smiles,logS\n{rows}")
    names = {}
    for program in programs(page):
        for long, short in SHORTER.items():
            program = program.replace(long, short)
        exec(compile(program, page.name, "exec"), names)


def commands(page):
    """Return every ``moldiff ...`` line of the fenced blocks, without shell comments."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    found = (re.match(r"(?:\$ )?moldiff (.*)", line) for line in lines)
    return [shlex.split(match[1], comments=True) for match in found if match]


COMMANDS = [
    pytest.param(words, id=f"{page.name}: {' '.join(words)}") for page in PAGES for words in commands(page)
]


def test_pages_have_commands():
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("words", COMMANDS)
def test_commands_on_the_page_can_be_read(words):
    """Verbs, options and the kinds of their values; what they do is tested elsewhere."""
    group = get_command(app)
    with group.context_class(group) as context:
        if set(words) & {"--help", "-h", "--version"}:
            return
        name, verb, rest = group.resolve_command(context, [word for word in words if word != "--debug"])
        while hasattr(verb, "resolve_command"):
            name, verb, rest = verb.resolve_command(context, rest)
        verb.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page):
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose)
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing
