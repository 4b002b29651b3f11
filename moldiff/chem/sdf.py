"""Molecules as an SDF: 2-D coordinates, and the columns of their table as tags."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from rdkit.Chem.rdDepictor import Compute2DCoords
from rdkit.Chem.rdmolfiles import MolToMolBlock

from moldiff.chem.standardise import parse

SMILES = "smiles"
"""The column of the molecules."""


def sdf_records(table: pd.DataFrame) -> Iterator[str]:
    """Yield one SDF record a row, titled by its number from 1, with every column as a tag.

    What is missing in the table is an empty tag, so that all records have the same ones. Text is what the CSV
    of the table would hold.

    Args:
        table: A column ``smiles`` of valid molecules, and any others.

    Example:
        >>> frame = pd.DataFrame({"smiles": ["CCO"], "logP": [-0.5], "mu": [float("nan")]})
        >>> record = next(sdf_records(frame))
        >>> record.splitlines()[0], record.splitlines()[-10:]
        ('1', ['>  <smiles>', 'CCO', '', '>  <logP>', '-0.5', '', '>  <mu>', '', '', '$$$$'])
    """
    rows = table.to_dict("records")
    for number, (mol, row) in enumerate(zip(parse(table[SMILES]), rows, strict=True), start=1):
        if mol is None:
            raise ValueError(f"row {number}: {row[SMILES]!r} is no molecule")
        Compute2DCoords(mol)
        mol.SetProp("_Name", str(number))
        yield f"{MolToMolBlock(mol)}{_tags(row)}$$$$\n"


def _tags(row: Mapping[str, Any]) -> str:
    """Return the cells as tags; a tag's name and value end with their line, and its name with ">"."""
    names = (_line(name).replace("<", "(").replace(">", ")") for name in row)
    return "".join(
        f">  <{name}>\n{_line(_text(value))}\n\n" for name, value in zip(names, row.values(), strict=True)
    )


def _line(text: object) -> str:
    return " ".join(str(text).split())


def _text(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value)
