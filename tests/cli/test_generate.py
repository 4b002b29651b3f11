import json
import sys

import pandas as pd
import pytest

from moldiff import cli
from moldiff.chem.properties import measure
from moldiff.cli.generate import parse_knobs
from moldiff.errors import InputError
from moldiff.goal_defaults import GOAL_DEFAULTS

FILES = ["molecules.csv", "molecules.sdf", "report.html", "run.json"]


@pytest.fixture(autouse=True)
def wide_screen(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def generate(tiny_model, tmp_path, capsys):
    """Run the verb on the tiny model; return exit code, stdout, stderr and the output folder."""

    def call(*words, folder=tmp_path / "out", model=tiny_model):
        fast = ["--steps", "6", "--chunk", "48", "--precision", "fp32", "--device", "cpu", "--no-progress"]
        with pytest.raises(SystemExit) as stop:
            cli.main(["generate", "--model", str(model), "-o", str(folder), *fast, *words])
        out, err = capsys.readouterr()
        return stop.value.code, out, err, folder

    return call


def test_files_and_summary(generate):
    code, out, err, folder = generate("--goal", "rings>=1", "--goal", "logP=1±0.5", "-n", "20", "--seed", "2")
    assert (code, err) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert f"written to {folder}: molecules.csv, molecules.sdf, report.html, run.json" in out
    table = pd.read_csv(folder / "molecules.csv")
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert len(table) == table["smiles"].nunique() == record["counts"]["returned"] == 20
    counts = record["counts"]
    lines = {line.split()[0]: line for line in out.splitlines() if line.split()}
    assert f"{counts['proposed']}" in lines["proposed"]
    assert f"{counts['valid'] / counts['proposed']:.1%} of proposed" in lines["valid"]
    assert f"{counts['novel'] / counts['unique']:.1%} of unique" in lines["novel"]
    assert f"{counts['hits'] / counts['proposed']:.1%} of proposed" in lines["hits"]
    assert f"{counts['unique_hits'] / counts['hits']:.1%} of hits" in out
    assert f"{counts['novel_hits'] / counts['unique_hits']:.1%} of unique hits" in out
    assert "of 20 asked for" in lines["returned"]
    assert f"{record['goals'][1]['error_valid']:.4g}" in lines["logP=1±0.5"]
    assert f"NFE {record['cost']['nfe_per_proposal']:.1f}" in out
    assert "re-masked digits" in out
    assert "not measured: mu " in out
    assert "Best 5 of 20" in out
    for smiles in table["smiles"][:5]:
        assert smiles in out


def test_record_holds_every_setting_in_use(generate):
    _, _, _, folder = generate("--goal", "rings>=1", "-n", "3", "--sampler", "cap", "--knob", "eta=0.2")
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    settings = record["settings"]
    expected = {
        "n": 3,
        "only_hits": False,
        "only_faithful": False,
        "max_proposals": 1150,
        "model": "tiny",
        "family": "prime",
        "goals": ["rings>=1"],
        "reach": None,
        "device": "cpu",
        "precision": "float32",
        "temperature": GOAL_DEFAULTS["bound"].temperature,
        "steps": 6,
        "seed": 0,
        "chunk": 48,
        "method": "auto",
        "served": ["rings>=1: a condition of the model (cfg)"],
        "predictor": None,
        "guidance": "cfg",
        "guidance_knobs": {},
        "sampler": "cap",
        "knobs": {"eta": 0.2, "at": 0.5, "unit": "digit"},
        "compiled": False,
        "threads": 1,
        "canvas": None,
        "filters": [],
        "scaffold_cap": None,
        "diverse": False,
    }
    assert {name: settings[name] for name in expected} == expected
    assert set(settings) == {*expected, "gamma", "canvas_gamma"}
    assert record["cost"]["remasked_digits_per_proposal"] > 0
    assert record["cost"]["seconds"] > 0


def test_molecules_of_one_size(generate):
    _, _, _, folder = generate("--canvas", "8", "-n", "20")
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["settings"]["canvas"] == 8
    found = pd.read_csv(folder / "molecules.csv")["smiles"]
    # An atom takes a symbol, and of QM9's molecules most have nine.
    assert measure(found, ["heavy_atoms"])["heavy_atoms"].max() <= 8


def test_a_size_that_the_model_does_not_know(generate):
    code, _, err, folder = generate("--canvas", "13", "-n", "5")
    assert code == 2
    assert "canvas must be a size that the model knows" in err
    assert not folder.exists()


def test_the_same_seed_writes_the_same_table(generate, tmp_path):
    words = ["--goal", "max logP", "-n", "15", "--seed", "4"]
    first, second = (generate(*words, folder=tmp_path / name)[3] for name in ("a", "b"))
    assert (first / "molecules.csv").read_bytes() == (second / "molecules.csv").read_bytes()


def test_options_reach_the_run(generate):
    words = ["--gamma", "3", "--temperature", "0.8", "--reach", "0.99", "--max-proposals", "40", "-n", "500"]
    code, out, _, folder = generate("--goal", "max logP", *words)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    settings = record["settings"]
    assert (settings["gamma"], settings["temperature"], settings["reach"]) == (3.0, 0.8, 0.99)
    assert record["counts"]["proposed"] == 48
    assert code == 0
    assert "note: 48 proposals gave" in out


@pytest.mark.parametrize("text", ["logP=1±0.5", "logP=1+-0.5", "logP = 1 +/- 0.5"])
def test_ways_to_write_a_tolerance(generate, text):
    _, out, _, folder = generate("--goal", text, "-n", "2")
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["goals"][0]["goal"] == "logP=1±0.5"
    assert "logP=1±0.5" in out


def test_only_hits(generate):
    code, _, _, folder = generate("--goal", "rings>=1", "--only-hits", "-n", "5")
    assert code == 0
    assert pd.read_csv(folder / "molecules.csv")["hit"].tolist() == [True] * 5


def test_no_hit_at_all_is_a_failure_that_still_writes_its_files(generate):
    code, out, err, folder = generate(
        "--goal", "rings>=25", "--only-hits", "-n", "5", "--max-proposals", "48"
    )
    assert code == 1
    assert err.startswith("error: none of 48 proposals meets every goal: loosen the goals, or raise --gamma")
    assert err.count("\n") == 1
    assert "outside the training values" in out
    assert len(pd.read_csv(folder / "molecules.csv")) == 0
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["counts"]["hits"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--goal", "ringz>=1"], "unknown property 'ringz': did you mean 'rings'?"),
        (["--goal", "QED>=0.5", "--method", "cfg"], "'cfg' cannot serve 'QED>=0.5': use auto or particles"),
        (["--goal", "rings"], "in a shell, put it in quotes"),
        (["--sampler", "lop"], "unknown sampler 'lop': did you mean 'loop'?"),
        (["--sampler", "cap", "--knob", "etta=1"], "no knob 'etta': did you mean 'eta'?"),
        (["--sampler", "cap", "--knob", "eta=5"], "eta must be a probability"),
        (["--knob", "eta"], "expected name=value, such as eta=0.05, got 'eta'"),
        (["--gamma", "nan"], "gamma must be"),
        (["--seed", "-1"], "seed must be a whole number from 0"),
        (["-n", "0"], "n must be a whole number from 1 to 10,000,000, got 0"),
        (["-n", "1000000000"], "n must be a whole number from 1 to 10,000,000, got 1000000000"),
        (["--steps", "1000000000"], "steps must be a whole number from 1 to 100,000"),
        (["--chunk", "1000000000"], "chunk must be a whole number from 1 to 1,000,000"),
        (["--workers", "0"], "workers must be a whole number from 1"),
        (["--filter", "PAINZ"], "unknown filter 'PAINZ': did you mean 'PAINS'?"),
        (["--scaffold-cap", "0"], "scaffold_cap must be a whole number from 1"),
        (["--format", "xlsx"], "unknown format 'xlsx'; known: csv, parquet"),
        (["--similarity", "--training-table", "no/such.csv"], "no/such.csv"),
        (["--only-hits"], "there is no goal"),
        (["--precision", "bf17"], "precision must be"),
        (["--device", "gpu"], "unknown device 'gpu'"),
        (["--model", "no/such"], "no model at no/such"),
    ],
)
def test_wrong_input_is_one_message_and_no_file(generate, words, message):
    code, out, err, folder = generate(*words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not folder.exists()


def test_output_that_is_a_file(generate, tmp_path):
    (tmp_path / "taken").write_text("mine")
    code, _, err, _ = generate("-n", "1", folder=tmp_path / "taken")
    assert code == 2
    assert "cannot write to the folder" in err
    assert (tmp_path / "taken").read_text() == "mine"


def test_knobs():
    assert parse_knobs(["eta=0.05", " unit = token ", "at=1"]) == {"eta": 0.05, "unit": "token", "at": 1.0}
    with pytest.raises(InputError, match="given twice"):
        parse_knobs(["eta=1", "eta=2"])


def test_every_option_has_help(capsys):
    import typer

    with pytest.raises(SystemExit):
        cli.main(["generate", "--help"])
    out = capsys.readouterr().out
    options = typer.main.get_command(cli.app).commands["generate"].params
    assert {"--filter", "--goal", "--number"} <= {name for option in options for name in option.opts}
    for option in options:
        assert option.opts[0] in out


def test_every_option_of_every_verb_is_explained():
    import typer

    for verb in typer.main.get_command(cli.app).commands.values():
        assert verb.help
        for option in verb.params:
            assert getattr(option, "help", None), f"{verb.name} {option.name}"


def test_samplers_are_all_named_in_the_help():
    import typer

    from moldiff.diffusion.samplers import SAMPLERS

    options = typer.main.get_command(cli.app).commands["generate"].params
    text = next(option.help for option in options if option.name == "sampler")
    assert set(text.replace(" or ", ", ").rstrip(".").split(", ")) == set(SAMPLERS)


def test_progress_goes_to_stderr(generate, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    code, out, err, _ = generate("-n", "5", "--progress")
    assert code == 0
    assert "molecules" in err
    assert "proposals/s" in out


def test_filters_and_selections(generate):
    words = ["--filter", "no-radicals", "--filter", "rings>=1", "--scaffold-cap", "2", "--diverse"]
    code, out, _, folder = generate("-n", "5", "--max-proposals", "480", *words)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    counts, settings = record["counts"], record["settings"]
    assert code == 0
    assert settings["filters"] == ["no-radicals", "rings>=1"]
    assert (settings["scaffold_cap"], settings["diverse"]) == (2, True)
    lines = {line.split()[0]: line for line in out.splitlines() if line.split()}
    share = f"{counts['filtered'] / counts['unique']:.1%} of unique fail a filter"
    assert share in lines["filtered"]
    for text, count in record["filters"].items():
        assert lines[text].split()[1] == f"{count:,}"
    assert lines["candidates"].split()[1] == f"{counts['candidates']:,}"
    (capped,) = (line for line in out.splitlines() if "too many of a scaffold" in line)
    assert capped.split()[5] == f"{counts['capped']:,}" != "0"
    filtered = pd.read_csv(folder / "filtered.csv")
    assert len(filtered) == counts["filtered"]
    assert len(pd.read_csv(folder / "molecules.csv")) == counts["returned"] == 5


def test_parquet_and_no_structures(generate, tmp_path):
    code, _, _, folder = generate("-n", "3", "--format", "parquet", "--no-sdf", "--no-report")
    assert code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["molecules.parquet", "run.json"]
    table = pd.read_parquet(folder / "molecules.parquet")
    generate("-n", "3", folder=tmp_path / "mine.csv")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "mine-molecules.sdf",
        "mine-report.html",
        "mine-run.json",
        "mine.csv",
    ]
    assert pd.read_csv(tmp_path / "mine.csv")["smiles"].tolist() == table["smiles"].tolist()


def test_outside_training_is_counted(generate):
    _, out, _, folder = generate("-n", "150", "--temperature", "3")
    unusual = int(pd.read_csv(folder / "molecules.csv")["outside_training"].sum())
    (line,) = (line for line in out.splitlines() if line.strip().startswith("outside training"))
    assert line.split()[2] == str(unusual)


def test_files_of_others_stay(generate, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "molecules.csv").write_text("mine")
    code, out, err, folder = generate("-n", "3")
    assert (code, out) == (2, "")
    assert "molecules.csv is there already" in err
    assert [path.name for path in folder.iterdir()] == ["molecules.csv"]
    assert (folder / "molecules.csv").read_text() == "mine"
    assert generate("-n", "3", "--overwrite")[0] == 0
    assert len(pd.read_csv(folder / "molecules.csv")) == 3


@pytest.mark.parametrize(
    "writer", ["chunks.ChunkFolder.write", "output.sdf_records", "output.whole_file", "files.os.fsync"]
)
def test_a_full_disk_is_one_message_and_nothing_half_written(generate, monkeypatch, writer):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"moldiff.{writer}", full)
        code, out, err, folder = generate("-n", "3")
    assert (code, out) == (2 if "fsync" in writer else 1, "")  # found out before or while it runs
    assert err.startswith("error: cannot write to the folder")
    assert "No space left on device" in err
    assert err.count("\n") == 1
    assert [path.name for path in folder.rglob("*") if path.name not in (".chunks", "lock")] == (
        [] if "fsync" in writer else ["settings.json"] + ["chunk-000000.npz"] * ("output" in writer)
    )
    code, _, err, folder = generate("-n", "3")
    assert code == 0
    assert ("going on after 1 finished chunks" in err) == ("output" in writer)
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_a_machine_that_cannot_draw_says_so_first_and_generates_without_a_report(generate, monkeypatch):
    """RDKit needs libraries of the system for pictures, and for nothing else."""
    for name in ("rdkit.Chem.Draw", "rdkit.Chem.Draw.rdMolDraw2D"):
        monkeypatch.setitem(sys.modules, name, None)
    code, out, err, folder = generate("-n", "3")
    assert (code, out) == (2, "")
    assert "--no-report" in err
    assert not folder.exists()
    code, _, err, folder = generate("-n", "3", "--no-report")
    assert (code, err) == (0, "")
    assert (folder / "molecules.csv").exists()
