"""What is not loaded where it is not needed; the layout itself is held by `make check`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import al_ray

PACKAGE = Path(al_ray.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)
NEEDS_RAY = ("al_ray.cluster", "al_ray.commands.study")
WITHOUT_RAY = [module for module in MODULES if not module.startswith(NEEDS_RAY)]
OF_A_MODEL = ("torch", "transformers", "tokenizers")
FOR_STATISTICS = ("sklearn", "scipy")


def python(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints; this one has long loaded everything."""
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def loaded(*modules: str) -> set[str]:
    """Top-level packages that are loaded when these modules are."""
    code = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
print(*{name.partition(".")[0] for name in sys.modules})
"""
    return set(python(code, *modules).split())


def test_modules_of_tests_have_names_of_their_own():
    """Pytest collects one of two that are called the same; in a clean clone it refuses both."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, n in names.items() if n > 1] == []


def test_modules_are_found():
    assert {"al_ray", "al_ray.loop.trajectory", "al_ray.strategies.built_in.margin"} <= set(
        WITHOUT_RAY
    )
    assert "al_ray.cluster.study" not in WITHOUT_RAY


def test_everything_but_the_cluster_runs_where_ray_is_not_installed():
    code = """
import importlib, sys
sys.modules["ray"] = None  # an import of it, or of anything in it, raises
for module in sys.argv[1:]:
    importlib.import_module(module)
"""
    python(code, *WITHOUT_RAY)


def test_a_blocked_ray_is_noticed():
    """The test above can fail: the cluster needs Ray."""
    code = """
import sys
sys.modules["ray"] = None
try:
    import al_ray.cluster.study
except ImportError:
    print("noticed")
"""
    assert python(code).strip() == "noticed"


def test_the_loop_loads_no_model_and_no_statistics():
    rooms = ("loop.trajectory", "loop.equivalence", "workers", "study.grid", "results")
    found = loaded(*(f"al_ray.{room}" for room in (*rooms, "strategies", "corpus")))
    assert found.isdisjoint(["ray", *OF_A_MODEL, *FOR_STATISTICS])


def test_the_driver_loads_no_model():
    """Of a study, and of the loop's actor: both import the whole of the cluster."""
    assert loaded("al_ray.cluster.study", "al_ray.commands.study").isdisjoint(OF_A_MODEL)


def test_members_and_shards_load_no_statistics():
    modules = [name for name in MODULES if name.startswith("al_ray.learners")]
    assert loaded(*modules, "al_ray.workers").isdisjoint(FOR_STATISTICS)


def test_an_encoder_is_loaded_without_statistics(tmp_path):
    """Transformers imports both where they are installed; each actor would pay seconds for that."""
    sizes = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    code = """
import sys
from pathlib import Path
from al_ray.learners.encoder.load import load
empty, full = Path(sys.argv[1]), Path(sys.argv[1]) / "weights"
(empty / "config.json").write_text(sys.argv[2])
load(empty, 3, 0).save_pretrained(full)
load(full, 3, 0)
print(*{name.partition(".")[0] for name in sys.modules})
"""
    config = json.dumps({"model_type": "bert", "vocab_size": 9, **dict.fromkeys(sizes, 1)})
    found = set(python(code, str(tmp_path), config).split())
    assert {"torch", "transformers"} <= found
    assert found.isdisjoint(FOR_STATISTICS)
