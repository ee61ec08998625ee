"""Strategies by name, and one's own."""

import re
import subprocess
import sys

import numpy as np
import pytest

from al_ray.errors import UserError
from al_ray.strategies import STRATEGIES, Outputs, Strategy, build, source_digest, split

OWN = """
import numpy as np
from al_ray.strategies import Strategy

class Gini(Strategy):
    name = "gini"
    family = "prediction-based"

    def __init__(self, power=2.0):
        self.power = power

    def score(self, outputs):
        return 1.0 - np.exp(self.power * outputs.log_probabilities[0]).sum(axis=1)

def cubic():
    return Gini(power=3.0)

class Abstract(Strategy):
    name = "abstract"
    family = "prediction-based"

class Nameless(Gini):
    name = ""

class Homeless(Gini):
    family = "guesswork"

class Taken(Gini):
    name = "entropy"

class Two(Gini):
    def __init__(self, a=1, b="", c=None):
        super().__init__()

class NotOne:
    pass

class mistaken(Gini):
    needs = 3

class nonsense(Gini):
    needs = {"dropout"}
    passes = "many"

def exits():
    raise SystemExit(0)

def broken():
    raise RuntimeError("first line\\nsecond line")

def needs_an_argument(x):
    return Gini(x)

def wrong():
    return 3

instance = Gini()
number = 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of one's own on the path; the value is its name."""
    (tmp_path / "al_ray_test_own.py").write_text(OWN)
    (tmp_path / "al_ray_test_syntax.py").write_text("def broken(:\n")
    (tmp_path / "al_ray_test_raises.py").write_text("raise RuntimeError('one\\ntwo')\n")
    (tmp_path / "al_ray_test_lazy.py").write_text("def __getattr__(name):\n    return 1 / 0\n")
    (tmp_path / "al_ray_test_exits.py").write_text("raise SystemExit(1)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "al_ray_test_own"
    for name in [name for name in sys.modules if name.startswith("al_ray_test_")]:
        del sys.modules[name]


def test_names_are_those_of_the_design():
    named = (
        "random least-confidence margin entropy qbc expected-gradient-length "
        "expected-gradient-length-word core-set learning-loss bald badge contrastive "
        "mnlp ltp class-weighted"
    )
    assert list(STRATEGIES) == named.split()
    for name, strategy in STRATEGIES.items():
        assert build(name).name == name
        assert type(build(name)) is strategy
    assert [name for name in STRATEGIES if build(name).committee] == ["qbc"]
    assert [name for name in STRATEGIES if not build(name).ranks] == ["random"]


def test_ones_own_class_and_function(own):
    outputs = Outputs(np.log([[[0.5, 0.5]]]))
    for attribute, expected in (("Gini", 0.5), ("cubic", 0.75)):
        strategy = build(f"{own}:{attribute}")
        assert isinstance(strategy, Strategy)
        assert strategy.score(outputs) == pytest.approx([expected])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("entrpy", r"'entrpy'.*random, least-confidence, margin, entropy, qbc.*module:name"),
        ("", r"''.*not known"),
        (":Gini", "module:name"),
        ("al_ray_test_own:", "module:name"),
        (":", "module:name"),
        ("al_ray_test_absent:Gini", "cannot import 'al_ray_test_absent'.*PYTHONPATH"),
        ("al_ray_test_syntax:Gini", "cannot import.*SyntaxError"),
        ("al_ray_test_raises:Gini", "cannot import.*RuntimeError: one two"),
        ("al_ray_test_exits:Gini", "cannot import.*SystemExit"),
        ("..:Gini", "cannot import"),
        ("al_ray_test_own:absent", "has no 'absent'"),
        ("al_ray_test_own:number", "a Strategy subclass"),
        ("al_ray_test_own:instance", "a Strategy subclass"),
        ("al_ray_test_own:NotOne", "a Strategy subclass"),
        ("al_ray_test_own:wrong", "a Strategy subclass"),
        ("al_ray_test_own:Abstract", "cannot be made.*abstract"),
        ("al_ray_test_own:Strategy", "cannot be made.*abstract"),
        ("al_ray_test_own:broken", "cannot be made: RuntimeError: first line second line"),
        ("al_ray_test_own:exits", "cannot be made: SystemExit"),
        ("al_ray_test_own:mistaken", "set `needs`"),
        ("al_ray_test_own:nonsense", "set `passes`"),
        ("al_ray_test_lazy:Gini", "cannot be made: ZeroDivisionError"),
        ("sys:exit", "a Strategy subclass"),
        ("al_ray_test_own:needs_an_argument", "cannot be made: TypeError"),
        ("al_ray_test_own:Nameless", "`name`"),
        ("al_ray_test_own:Homeless", "`family`.*data-based"),
        ("al_ray_test_own:Taken", "'entropy' is taken"),
        ("bald:pases=3", "bald has no parameter 'pases'; it has passes"),
        ("margin:n=3", "margin has no parameter 'n'; it has none"),
        ("bald:passes=5.5", "passes is no whole number; give one"),
        ("bald:passes=3,passes=4", "passes is given twice; drop one"),
        ("bald:passes=1", "passes 1: give 2 or more"),
        ("contrastive:neighbours=0", "neighbours 0: give 1 or more"),
        ("qbc:disagreement=votes", "'votes' is not known: choose from vote-entropy"),
        ("al_ray_test_own:Gini:x=1", "has no parameter 'x'; it has power"),
        ("al_ray_test_own:Gini:power=a", "power is no number; give one"),
        ("al_ray_test_own:Gini:power=nan", "power is no number; give one"),
    ],
)
@pytest.mark.usefixtures("own")
def test_what_cannot_be_used_is_refused_in_one_line(name, says):
    with pytest.raises(UserError) as refusal:
        build(name)
    message = str(refusal.value)
    assert re.search(says, message)
    assert "\n" not in message
    assert "--strategies" in message
    assert repr(name) in message


@pytest.mark.parametrize(
    ("spec", "name", "parameters"),
    [
        ("margin", "margin", ""),
        ("qbc:disagreement=mean-kl", "qbc", "disagreement=mean-kl"),
        ("qbc:disagreement=vote-entropy", "qbc", ""),  # as it is anyway
        ("bald:passes=020", "bald", "passes=20"),
        ("al_ray_test_own:Gini:power=3", "al_ray_test_own:Gini", "power=3.0"),
        ("al_ray_test_own:Gini:power=2", "al_ray_test_own:Gini", ""),
        ("al_ray_test_own:Two:b=x,a=3", "al_ray_test_own:Two", "a=3,b=x"),
    ],
)
@pytest.mark.usefixtures("own")
def test_parameters_have_one_spelling(spec, name, parameters):
    assert split(spec) == (name, parameters)
    again = f"{name}:{parameters}" if parameters else name
    assert split(again) == (name, parameters)


def test_parameters_are_given_to_the_strategy(own):
    outputs = Outputs(np.log([[[0.5, 0.5]]]))
    assert build(f"{own}:Gini:power=3").score(outputs) == pytest.approx([0.75])
    assert build("bald:passes=3").passes == 3
    assert build("contrastive:neighbours=2").neighbours == 2
    assert build("bald").passes == 10


def test_a_name_that_is_not_known_has_no_parameters_either():
    with pytest.raises(UserError, match="did you mean 'entropy'"):
        build("entrpy:x=1")


def test_source_digest_of_built_in_strategies_is_empty():
    assert {source_digest(name) for name in STRATEGIES} == {""}


def test_source_digest_follows_the_source(own, tmp_path):
    first = source_digest(f"{own}:Gini")
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert source_digest(f"{own}:Gini") == first
    (tmp_path / f"{own}.py").write_text(OWN.replace("1.0 -", "2.0 -"))
    assert source_digest(f"{own}:Gini") != first
    (tmp_path / f"{own}.py").write_text(OWN)
    assert source_digest(f"{own}:Gini") == first


@pytest.mark.parametrize("name", ["entrpy", "al_ray_test_absent:Gini", "sys:Gini"])
def test_source_digest_of_what_has_no_source_is_refused(name):
    with pytest.raises(UserError, match="--strategies"):
        source_digest(name)


def test_source_digest_of_a_source_that_is_gone(own, tmp_path):
    source_digest(f"{own}:Gini")
    (tmp_path / f"{own}.py").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        source_digest(f"{own}:Gini")


def test_nothing_heavy_is_imported():
    code = "import sys, al_ray.strategies; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "scipy", "sklearn", "transformers", "ray", "pandas"} & set(modules)
