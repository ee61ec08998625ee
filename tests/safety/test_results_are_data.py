"""A results folder of a stranger is data: nothing in it is run when it is shown or continued."""

from __future__ import annotations

import ast
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from written_studies import write_study

import al_ray
from al_ray.commands.study import main

PACKAGE = Path(al_ray.__file__).parent


class Poison:
    """What runs a command when it is unpickled: it leaves a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, (f"touch {self.mark}",))


def poison(out: Path, mark: Path) -> None:
    """Put poisoned files wherever a study keeps something, under names that Ray and torch use."""
    data = pickle.dumps(Poison(mark))
    names = ("tuner.pkl", "trainable.pkl", "params.pkl", "pytorch_model.bin", "model.npy", "x.pkl")
    tune = (out / ".tune" / "study", out / ".tune" / "study" / "trial")
    for folder in (out, *tune, *(out / name for name in ("cache", "checkpoints", "steps"))):
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).write_bytes(data)
    (out / ".tune" / "study" / "experiment_state-2030-01-01_00-00-00.json").write_bytes(data)
    (out / ".tune" / "study" / "searcher-state-2030-01-01_00-00-00.pkl").write_bytes(data)


def test_the_poison_works(tmp_path: Path) -> None:
    """Else the tests below could not fail."""
    pickle.loads(pickle.dumps(Poison(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()


def test_a_poisoned_folder_is_looked_at(tmp_path: Path) -> None:
    few = {"seeds": 2, "steps": 2, "step_sizes": (20,), "controls": ()}
    out, mark = write_study(tmp_path / "out", ("random", "margin"), **few), tmp_path / "mark"
    poison(out, mark)
    for command in (["show"], ["verdict"], ["report", "--no-pictures"], ["compact"]):
        with pytest.raises(SystemExit) as left:
            main([*command, str(out)])
        assert not left.value.code, command
        assert not mark.exists(), command


@pytest.mark.ray
def test_a_poisoned_folder_is_continued(undisturbed: Path, tmp_path: Path) -> None:
    """Vectors, tokens, checkpoints and Tune's notes are in it, and all were exchanged."""
    import tiny_study

    out, mark = tmp_path / "out", tmp_path / "mark"
    shutil.copytree(undisturbed, out)
    poison(out, mark)
    longer = replace(tiny_study.STUDY, retrain=("warm",), steps=4)
    assert not tiny_study.run(out, longer).unfinished
    assert not mark.exists()


def test_nothing_unpickles_and_no_program_of_a_model_is_run() -> None:
    """By name, in all of the code: what reads pickles, and the switches that let others do it."""
    modules, switches = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}, 0
    for path in [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "experiments").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not modules & {name.name.split(".")[0] for name in node.names}, path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in modules, path
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("read_pickle", "restore"), path
                if node.attr == "load" and isinstance(node.value, ast.Name):
                    assert node.value.id != "torch", path
            if isinstance(node, ast.keyword):
                value = getattr(node.value, "value", None)
                if node.arg == "trust_remote_code":
                    assert value is False, path
                    switches += 1
                if node.arg in ("allow_pickle", "weights_only"):
                    assert value is (node.arg == "weights_only"), path
    assert switches >= 3
