"""Evaluations of small lists counted by hand, of random text, and under a tiny model."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moldiff.chem.properties import measure
from moldiff.chem.standardise import canonical
from moldiff.datasets import DATASETS, load
from moldiff.errors import InputError
from moldiff.evaluation import evaluate
from moldiff.generator import MoleculeGenerator
from moldiff.reference import read_molecules

ROWS = ["CCO", "OCC", "c1ccccc1", "C1CC", "C(C)O", "", "CC1CC1"]
PIECES = [
    "C",
    "c1ccccc1",
    "CO",
    "N",
    "(",
    ")",
    "=",
    "#",
    "1",
    "[NH3+]",
    "[",
    "]",
    ".",
    "é",
    " ",
    "*",
    "%",
    "\0",
]
LINES = st.text(max_size=12) | st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(autouse=True, scope="module")
def surroundings(tmp_path_factory, tiny_model):
    """A cache of its own, and for QM9 the part of it that the tiny model (trained before) learnt from."""
    few = load("qm9").take(range(0, 130744, 40))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(DATASETS, "qm9", lambda: few)
        yield


@pytest.fixture(scope="module")
def generator(tiny_model):
    return MoleculeGenerator.from_pretrained(tiny_model, device="cpu", precision="fp32")


def test_a_small_list_by_hand():
    found = evaluate(ROWS, reference=["CCO", "CCCCCC"], goals=["heavy_atoms>=4"], selfies=["[C]"] * 7)
    sets = found.sets
    assert (sets.counts.proposed, sets.counts.valid, sets.counts.unique) == (7, 5, 3)
    shares = [sets.validity, sets.uniqueness, sets.fidelity, sets.hit_rate, sets.novelty[0].share]
    assert [share.value for share in shares] == pytest.approx([5 / 7, 3 / 5, 1.0, 2 / 7, 2 / 3])
    assert (sets.scaffolds.count, sets.scaffolds.total, sets.acyclic) == (2, 2, 1)
    assert sets.novelty[0].novel_hits == sets.counts.unique_hits == 2
    # Heavy atoms 3, 3, 6, 3, 4 beside 3, 6: mean 3.8; W1 = (3*0.2 + 2*0.1) over the deviation 1.5.
    atoms = found.properties.figures["heavy_atoms"]
    assert (atoms.mean, atoms.reference_mean, atoms.reference_sd) == pytest.approx((3.8, 4.5, 1.5))
    assert atoms.distance == pytest.approx((0.1 * 3 + 0.2 * 2) / 1.5)
    assert (found.reference, found.nearest.against) == ("reference", "reference")
    assert found.goals[0].error.value == pytest.approx(3 / 5)
    assert (found.likelihood, found.notes) == (None, [])


def test_without_anything_to_compare_with():
    found = evaluate(ROWS)
    assert (found.reference, found.nearest, found.sets.novelty, found.goals) == (None, None, [], [])
    assert len(found.notes) == 3
    assert "fidelity is not applicable" in found.notes[-1]


def test_a_record_is_json_and_says_what_decides_it():
    found = evaluate(ROWS, goals=["rings=1"], seed=3, compared=2)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["settings"]["seed"] == 3
    assert record["settings"]["goals"] == ["rings=1±0"]
    assert record["sets"]["counts"] == {"proposed": 7, "valid": 5, "unique": 3, "hits": 2, "unique_hits": 2}
    assert record["sets"]["novelty"] == []
    assert record["properties"]["figures"]["logP"]["distance"] is None
    assert record["sets"]["diversity"]["molecules"] == 2
    assert any("2 of 3 distinct molecules" in note for note in record["notes"])


def test_the_same_seed_gives_the_same_record(generator):
    smiles = ["C" * n + "O" for n in range(1, 8)]
    first, again, other = (
        evaluate(smiles, model=generator, draws=2, seed=seed).to_dict() for seed in (1, 1, 2)
    )
    assert first == again
    assert first["likelihood"]["token_bound"] != other["likelihood"]["token_bound"]


def test_a_part_draws_no_random_numbers_of_another():
    smiles = ["C" * n for n in range(1, 12)]
    reference = ["C", "CCO", "CCCN", "CF", "CCCC"]
    plain = evaluate(smiles, reference=reference, compared=5)
    more = evaluate(smiles, reference=reference, compared=5, goals=["logP<=1"])
    assert plain.to_dict()["properties"] == more.to_dict()["properties"]
    assert plain.sets.diversity == more.sets.diversity
    assert plain.nearest == more.nearest


def test_a_model_brings_what_it_was_trained_on(generator):
    known = generator.chemistry_.known
    training = [text for text in load("qm9").smiles if known.contains([text])[0]][:20]
    found = evaluate([*training, "CCBr", "FC(F)(F)CCl", ""], model=generator, goals=["max logP"], draws=1)
    assert found.sets.novelty[0].share.count == 2
    assert found.reference == "the validation part of qm9"
    assert found.nearest.against == "the training molecules of qm9"
    assert found.nearest.median == 1.0
    assert found.goals[0].bounds[0] == generator.statistics_["logP"].quantiles["0.95"]
    bounds = found.likelihood
    assert (bounds.scored, bounds.rows) == (20, 23)
    assert bounds.table["smiles"].tolist()[-3:] == ["CCBr", "FC(F)(F)CCl", ""]
    record = found.to_dict()["likelihood"]
    assert "table" not in record
    assert [row["row"] for row in record["excluded_rows"]] == [20, 21, 22]


def test_a_reference_of_ones_own_beside_a_model(generator):
    found = evaluate(["CCO", "CCN", "C1CC1"], model=generator, reference=["CCO", "CCCC"], draws=1)
    assert [entry.against for entry in found.sets.novelty] == ["training molecules of tiny", "reference"]
    assert found.sets.novelty[1].share.count == 2
    assert found.reference == "reference"


def test_statistics_of_the_reference_serve_goals():
    found = evaluate(["CCO", "CCCCCCCCO"], reference=["CO", "CCO", "CCCCCO"], goals=["max logP", "logP=0.5"])
    assert found.goals[0].hit_rate.count == 1


def test_rows_that_are_no_molecule_are_told_as_they_stand(generator):
    found = evaluate(["CCO", "C1CC", "Cé"], model=generator, draws=1)
    assert found.likelihood.table["smiles"].tolist() == ["CCO", "C1CC", "Cé"]


def test_a_model_by_its_folder(tiny_model):
    found = evaluate(["CCO", "CC"], model=tiny_model, draws=1, device="cpu")
    assert found.settings["precision"] == "float32"
    assert found.settings["model"] == "tiny"
    assert found.likelihood.scored == 2


def test_what_is_being_done_is_told():
    told = []
    evaluate(ROWS, reference=["C", "CC"], say=told.append)
    assert told[0] == "reading molecules"
    assert "comparing with reference" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"smiles": []}, "got no row"),
        ({"selfies": ["[C]"]}, "as many SELFIES as SMILES, got 1 and 7"),
        ({"goals": ["ringz>=1"]}, "did you mean 'rings'"),
        ({"goals": ["mu>=1"]}, "'mu' cannot be measured"),
        ({"goals": ["max logP"]}, "give --model or --reference"),
        ({"reference": "qm8"}, "did you mean 'qm9'"),
        ({"model": "qm8"}, "unknown model 'qm8'"),
        ({"draws": 0}, "draws must be from 1"),
        ({"compared": 1}, "compared must be at least 2"),
        ({"seed": -1}, "seed must be from 0"),
        ({"n_jobs": 0}, "n_jobs must be at least 1"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        evaluate(**{"smiles": ROWS, **arguments})


@given(st.lists(LINES, min_size=1, max_size=5), st.lists(LINES, max_size=3))
@settings(max_examples=150, suppress_health_check=QUIET)
def test_any_lines_have_a_record_or_an_error(lines, others):
    try:
        found = evaluate(lines, reference=others or None, selfies=lines, goals=["rings>=1"])
    except InputError:
        assert not any(canonical(others))
        return
    counts = found.sets.counts
    assert counts.proposed == len(lines) >= counts.valid >= counts.unique
    assert json.dumps(found.to_dict(), allow_nan=False)


@given(st.binary(max_size=60) | LINES.map(lambda text: f"smiles\n{text}\nCCO\n".encode("utf-8", "replace")))
@settings(max_examples=150, suppress_health_check=QUIET)
@pytest.mark.parametrize("suffix", [".csv", ".smi"])
def test_any_file_has_a_record_or_an_error(tmp_path, suffix, content):
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    try:
        rows = read_molecules(path)
        found = evaluate(rows.smiles, selfies=rows.selfies)
    except InputError:
        return
    assert found.sets.counts.proposed == len(rows.smiles)


def test_processes_are_those_asked_for(monkeypatch):
    seen = []

    def spy(smiles, names, *, n_jobs):
        seen.append(n_jobs)
        return measure(smiles, names)

    monkeypatch.setattr("moldiff.evaluation.measure", spy)
    evaluate(["CCO", "C"], n_jobs=3)
    assert seen == [3]
