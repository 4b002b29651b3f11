"""Scorers of one's own: functions from SMILES to numbers, asked safely, sparingly and only once a molecule.

Nothing is imported here, because every worker process of a scorer starts by importing this package.
"""
