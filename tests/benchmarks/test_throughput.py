"""The sweep's points, the count of products, and the benchmark on a tiny model."""

import argparse

import pytest
import torch

from moldiff.benchmarks import throughput
from moldiff.benchmarks.samples import Model
from moldiff.errors import RunError


def test_each_axis_is_varied_from_the_middle_of_the_others():
    cells = throughput.grid([4, 8, 12], [64, 16], [32])
    assert [(cell.axis, cell.length, cell.rows, cell.steps) for cell in cells] == [
        ("length", 4, 64, 32),
        ("length", 8, 64, 32),
        ("length", 12, 64, 32),
        ("rows", 8, 64, 32),
        ("rows", 8, 16, 32),
        ("steps", 8, 64, 32),
    ]


def given(model, **changes):
    names = {"model": [model], "method": "cfg", "gamma": None, "gamma_classifier": None, "device": "cpu"}
    names |= {"temperature": None, "steps": None, "chunk": None, "sampler": None, "precision": "fp32"}
    return argparse.Namespace(**{**names, "compiled": None, "seeds": [0], "devices": 1, **changes})


def test_products_of_a_row_are_those_of_its_matrices(prime):
    model = Model(prime, given(prime))
    bench = throughput.Bench(model, 1e9)
    network, length, width = model.saved.network, 12, 16
    per_position = sum(
        2 * weight.numel()
        for name, weight in network.named_parameters()
        if weight.ndim == 2 and ".blocks." in name and "modulation" not in name and "bias" not in name
    )
    attention = 2 * 2 * 2 * length * width  # two blocks, two products of queries, keys and values
    least = length * (per_position + attention)
    assert least < bench.row_products(length) < 3 * least
    assert bench.row_products(16) > bench.row_products(12)


def test_the_benchmark_on_a_tiny_model(prime, run_benchmark):
    words = ["--model", prime, "-n", "0", "--precision", "fp32", "--repetitions", "1"]
    words += ["--canvases", "8", "12", "--chunks", "4", "--grid", "2", "4"]
    results = run_benchmark(throughput, *words)["results"]
    assert [row["axis"] for row in results["sweep"]] == ["length", "length", "rows", "steps", "steps"]
    assert results["sweep"][-1]["nfe"] <= 4
    assert all(0 < row["of_peak"] < 1 for row in results["sweep"])
    assert results["bulk"] is None


def test_a_bulk_run_is_the_whole_command(tiny_model):
    found = throughput.bulk_run(given(str(tiny_model), n=40, steps=4, chunk=8))
    assert found["molecules"] == 40
    assert found["proposals"] >= 40
    assert found["proposals"] % 8 == 0
    assert 0 < found["nfe"] <= 4
    assert found["per_second"] == pytest.approx(40 / found["seconds"])
    with pytest.raises(RunError, match="unknown model"):
        throughput.bulk_run(given("none", n=4))


def test_the_peak_is_that_of_a_product():
    found = throughput.matrix_peak(torch.float32, torch.device("cpu"), repetitions=1)
    assert 1e9 < found < 1e15
