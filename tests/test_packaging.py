"""The package installs under the names that it says, and only under those."""

import importlib
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest

import moldiff

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = ["benchmarks", "datasets", "guidance"]


@pytest.fixture(scope="module")
def project():
    path = ROOT / "pyproject.toml"
    if not path.exists():
        pytest.skip("the tests run away from the checkout: there is no pyproject.toml")
    return tomllib.loads(path.read_text())


def folders_with_init():
    """Names of all packages in the checkout; the links inside moldiff/ count as what they point to."""
    inside = [path.parent.relative_to(ROOT) for path in (ROOT / "moldiff").rglob("__init__.py")]
    outside = [
        Path("moldiff") / path.parent.relative_to(ROOT)
        for top in OUTSIDE
        for path in (ROOT / top).rglob("__init__.py")
    ]
    return {".".join(folder.parts) for folder in [*inside, *outside]}


def test_packages_equal_the_folders_with_an_init(project):
    assert set(project["tool"]["setuptools"]["packages"]) == folders_with_init()


def test_package_dir_maps_the_folders_outside(project):
    mapping = project["tool"]["setuptools"]["package-dir"]
    assert mapping == {f"moldiff.{name}": name for name in OUTSIDE}


@pytest.mark.parametrize("name", OUTSIDE)
def test_links_lead_to_the_folders_outside(project, name):
    link = ROOT / "moldiff" / name
    if link.is_file():
        pytest.skip("this clone was made without symbolic links")
    assert link.readlink() == Path("..") / name


@pytest.mark.parametrize("name", OUTSIDE)
def test_installed_names_import(name):
    assert importlib.import_module(f"moldiff.{name}").__name__ == f"moldiff.{name}"


@pytest.mark.parametrize("name", OUTSIDE)
def test_bare_names_are_refused(project, name):
    run = subprocess.run(
        [sys.executable, "-S", "-c", f"import {name}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert f"ImportError: this folder is the package moldiff.{name}: import it by that name" in run.stderr


def test_checkout_comes_last_on_the_path():
    assert sys.path[-1] == str(ROOT)
    assert str(ROOT) not in sys.path[:-1]


def test_import_is_lazy():
    heavy = ["lightning", "numpy", "pandas", "rdkit", "torch"]
    code = f"import moldiff, sys; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'NoSuchThing'"):
        _ = moldiff.NoSuchThing


def test_lazy_names_are_listed():
    assert {"Generation", "MoleculeGenerator", "__version__"} <= set(dir(moldiff))


@pytest.fixture(scope="module")
def installed():
    try:
        return version("moldiff")
    except PackageNotFoundError:
        pytest.skip("moldiff runs from the checkout without being installed")


def test_installed_version_is_the_one_in_the_code(installed):
    assert installed == moldiff.__version__


def test_malicious_lightning_releases_are_excluded(project):
    [lightning] = [line for line in project["project"]["dependencies"] if line.startswith("lightning")]
    assert "!=2.6.2" in lightning
    assert "!=2.6.3" in lightning


def test_every_requirement_is_pinned(project):
    pins = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    )
    assert pins["torch"] == "2.13.0"
    extras = project["project"]["optional-dependencies"].values()
    wanted = [*project["project"]["dependencies"], *(line for extra in extras for line in extra)]
    names = {line.split(">")[0].split("[")[0].lower().replace("_", "-") for line in wanted}
    assert names <= {name.lower().replace("_", "-") for name in pins}


def test_no_requirement_belongs_to_another_package_of_that_name(installed):
    forbidden = ("pytdc", "molsets", "guacamol", "moses", "tdc")
    assert not [line for line in requires("moldiff") or [] if line.lower().startswith(forbidden)]


def test_data_files_are_installed():
    package = Path(importlib.import_module("moldiff.datasets").__file__).parent
    assert (package / "data" / "qm9_core5.parquet").stat().st_size > 1_000_000
    assert (Path(moldiff.__file__).parent / "py.typed").exists()
