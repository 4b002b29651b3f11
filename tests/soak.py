"""How hard the tests try: ``make soak`` kills ten times as often and draws twenty times as many examples."""

import os

from hypothesis import HealthCheck, settings

SOAK = os.environ.get("MOLDIFF_SOAK") == "1"

KILLS = 20 if SOAK else 2
"""How often a run is killed and resumed."""


def examples(number):
    """Return hypothesis settings with so many examples, times 20 in a soak."""
    many = number * 20 if SOAK else number
    return settings(max_examples=many, suppress_health_check=[HealthCheck.function_scoped_fixture])
