import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from moldiff.benchmarks.predictor_chart import GREY, calibration_picture


def frame():
    rows = [
        {"property": name, "level": level, "molecules": 70, "coverage": 0.9 + shift, "error_in_sd": level}
        for shift, name in enumerate(["gap", "SA", "charge"])
        for level in (0.0, 0.5, 1.0)
    ]
    found = pd.DataFrame(rows)
    found["coverage"] = np.where(found["property"] == "SA", 0.88, 0.92)
    found.loc[found["property"] == "charge", "error_in_sd"] = np.nan
    return found


def test_every_property_has_its_curves():
    left, right = calibration_picture(frame()).axes
    curves = [line for line in left.lines if len(line.get_xdata()) == 3]
    assert [line.get_ydata().tolist() for line in curves] == [[0.88] * 3, [0.92] * 3, [0.92] * 3]
    assert [to_hex(line.get_color()) == GREY for line in curves] == [True, True, False]
    # The charge is the same in all molecules: there is no error in standard deviations.
    assert [line.get_ydata().tolist() for line in right.lines] == [[0.0, 0.5, 1.0]] * 2
    assert "70 test molecules" in left.get_title(loc="left")


def test_the_legend_names_the_coloured_and_counts_the_others():
    (legend,) = calibration_picture(frame()).legends
    assert [text.get_text() for text in legend.get_texts()] == ["gap", "2 others"]
