"""What a page says of a search."""

from page_reader import Reader
from report_contents import PRESET, compared, trial, tuning

from moldiff.reporting.checking import checked
from moldiff.reporting.history import History
from moldiff.reporting.page import page
from moldiff.reporting.tuning_record import ObjectiveEntry, Search, TrialEntry, TuningRecord


def read(preset=PRESET, **changes):
    record = checked(TuningRecord, tuning(**changes), "tuning.json")
    return Reader(page({"tuning": Search(record, preset)}))


def history(trials, sign=1):
    objective = ObjectiveEntry(name="novel_hits", text="novel hits", sign=sign)
    return History(objective, [TrialEntry.model_validate(entry) for entry in trials])


def test_what_was_tuned_and_how_much_was_tried():
    text = read().text
    for words in (
        "Tuning for rings>=4",
        "asked rings ≥ 4 model qm9 subject to nfe ≤ 64 trials 40 (38 complete, 1 pruned, 1 fail) of 256",
        "Objective: novel_hits , distinct novel molecules that meet every goal: more is better.",
        "To repeat the search",
        "moldiff tune --goal 'rings>=4' --trials 40 -o tuned",
        "optuna 4.6.0",
    ):
        assert words in text


def test_the_winner_is_held_against_what_it_replaces_on_fresh_seeds():
    text = read().text
    assert "against the defaults of generate, each on fresh seeds 100, 101, 102, 103, 104" in text
    assert "novel hits objective distinct, of 256 100 80 +20 [15, 25] better novel distinct" in text
    assert "novel distinct, of 256 150 153 −3 [−9, 3] no difference shown" in text
    assert "hit rate of 256, repeats counted 50.0% 62.5% −12.5 points [−17.5, −7.5] worse" in text
    assert "mean rings over the novel 4 3.5 +0.5 [0.4, 0.6] NFE" in text  # nobody says which is better
    assert "network rows a proposal 32 40 −8 [−8, −8] better" in text
    assert "rings ≥ 4 tuned for" in text
    assert "max QED not tuned for" in text
    assert "mean QED over the novel" in text
    assert "gamma = 1.5" in read(base={"gamma": 1.5}).text


def test_less_may_be_what_was_wanted():
    entry = {"name": "novel_hits", "text": "something", "sign": -1}
    text = read(objectives=[entry]).text
    assert "something: less is better" in text
    assert "+20 [15, 25] worse" in text
    assert "less upwards" in text


def test_the_best_trials_come_first():
    reader = read()
    able = [entry for entry in tuning()["trials"] if entry["state"] == "complete" and entry["kept_limits"]]
    best = sorted(able, key=lambda entry: -entry["values"]["novel_hits"])[:12]
    shown = [name for name in reader.text.split() if name.startswith("gamma=")]
    assert shown == [f"gamma={entry['settings']['gamma']}" for entry in best]
    assert "winner gamma=" in reader.text


def test_trials_that_nobody_dominates_are_all_shown():
    objectives = [
        {"name": "novel_hits", "text": "novel hits", "sign": 1},
        {"name": "nfe", "text": "network rows a proposal", "sign": -1},
    ]
    trials = [trial(number, 100.0 - number) for number in range(30)]
    for entry in trials:
        entry["values"]["nfe"] = 90.0 - entry["number"]
    figures = {"novel_hits": compared(1.0, 0.5), "nfe": compared(-1.0, 0.5)}
    reader = read(
        objectives=objectives,
        trials=trials,
        front=list(range(30)),
        winner=trials[0],
        comparisons=[{"goals": ["rings>=4"], "tuned": True, "figures": figures}],
    )
    assert reader.text.count("not dominated") == 30
    assert len([svg for svg in reader.tags("svg") if svg.get("role") == "img"]) == 2


def test_the_preset_stands_there_as_it_was_written():
    assert "# Tuned for rings>=4 gamma = 3.9" in read().text
    text = read(preset=None).text
    assert "preset.toml is no longer beside the record. Its settings: gamma" in text


def test_a_search_without_a_winner():
    text = read(winner=None, front=[], comparisons=[]).text
    assert "No trial won: none that was drawn in full keeps every limit." in text
    assert "preset" not in text
    assert "Every trial" in text


def test_the_best_so_far_is_of_trials_that_count():
    told = history(
        [trial(0, 10.0), trial(1, 90.0, kept=False), trial(2, 80.0, "pruned", seeds=1), trial(3, 20.0)]
    )
    assert [point.kind for point in told.points] == ["kept", "missed", "pruned", "kept"]
    points = [(point.x, point.y) for point in told.points]
    assert (
        told.best
        == f"M{points[0][0]} {points[0][1]}H{points[1][0]}H{points[2][0]}H{points[3][0]}V{points[3][1]}"
    )
    assert told.points[2].says.startswith("trial 2: 80, given up after 1 seed; gamma = 1.2")
    assert told.points[1].says.startswith("trial 1: 90, misses a limit; gamma")


def test_the_better_trial_is_higher_whichever_way():
    for sign in (1, -1):
        told = history([trial(0, 10.0), trial(1, 20.0)], sign)
        assert (told.points[1].y < told.points[0].y) == (sign > 0)
        assert told.best.count("V") == (sign > 0)


def test_a_search_of_which_nothing_is_finished():
    told = history([trial(0, None, "running")])
    assert (told.points, told.best) == ([], "")
    assert told.up


def test_hostile_text_stays_text(evil):
    stored = tuning()
    for entry in stored["trials"]:
        entry["settings"] = {evil: evil}
    stored["objectives"][0]["text"] = evil
    stored["comparisons"][0]["goals"] = [evil]
    stored |= {
        "model": evil,
        "command": evil,
        "machine": evil,
        "study": evil,
        "limits": [evil],
        "base": {evil: evil},
    }
    stored["problem"] |= {"name": evil, "ask": [evil], "aim": [evil]}
    stored["winner"] = stored["trials"][0]
    reader = Reader(page({"tuning": Search(checked(TuningRecord, stored, "tuning.json"), evil)}))
    assert reader.tags("img") == []
    assert [entry.get("id") for entry in reader.tags("script")] == [None]
    assert "49" not in [word.strip() for word in reader.words]
    assert sum(evil in word for word in reader.words) >= 12
