"""Small synthetic studies, written through Store: no Ray, no torch, no corpus."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from al_ray.results import Store
from al_ray.results.schema import VERSION

SEVEN = ("정치", "경제", "사회", "생활문화", "세계", "IT과학", "스포츠")
TWO = ("부정", "긍정")
HOSTILE = "<script>document.title = 'owned'</script></script><img src=x onerror=alert(1)> 문장"
FAMILY = {"random": "data-based", "qbc": "model-based", "control": "data-based"}
GAIN = {"random": 0.0, "margin": 0.06, "qbc": 0.05, "entropy": 0.04, "least-confidence": 0.05}


def write_study(
    out: Path,
    strategies: tuple[str, ...] = ("random", "margin", "least-confidence", "qbc"),
    labels: tuple[str, ...] = SEVEN,
    seeds: int = 5,
    steps: int = 4,
    step_sizes: tuple[int, ...] = (20, 40),
    retrains: tuple[str, ...] = ("cold",),
    controls: tuple[int, ...] = (60, 240),
    missing: tuple[str, ...] = (),
    demonstration: bool = True,
    pool: int = 400,
    tests: int = 80,
    name: str = "synthetic",
    frozen: tuple[str, ...] = (),
    failed: tuple[tuple[str, int], ...] = (),
    gains: dict[str, float] = GAIN,
) -> Path:
    """A study whose arms rise at known rates; the first pool text and label mix are hostile.

    `missing` are strategies that were asked for: their first seed failed, the others never began.
    `frozen` are strategies with a frozen head, `failed` other trajectories that failed, and `gains`
    what arms are above random from the third step on; `frozen` is one of them.
    """
    random = np.random.default_rng(7)
    store = Store(out)
    shares = np.linspace(2, 1, len(labels))
    pool_labels = random.choice(len(labels), pool, p=shares / shares.sum())
    test_labels = random.choice(len(labels), tests)
    ids = [f"train-{i}" for i in range(pool)]
    test_ids = [f"test-{i}" for i in range(tests)]
    texts = [HOSTILE, *(f"가짜 문장 {i} 번입니다" for i in range(1, pool + tests))]
    codes = [*pool_labels, *test_labels]
    store.write(
        "rows",
        {
            "row_id": [*ids, *test_ids],
            "split": ["train"] * pool + ["test"] * tests,
            "label": [labels[code] for code in codes],
            "text": texts,
            "tokens": [8 + i % 5 for i in range(pool + tests)],
        },
        "corpus",
    )
    asked: dict[str, int] = {}
    arms = [
        (strategy, retrain, "fine-tuned", size, size, steps)
        for strategy in strategies
        for retrain in retrains
        for size in step_sizes
    ]
    arms += [(name, "cold", "frozen", size, size, steps) for name in frozen for size in step_sizes]
    arms += [("control", "cold", "fine-tuned", rows, rows, 1) for rows in controls]
    for strategy, retrain, head, size, initial, n_steps in arms:
        for seed in range(seeds):
            digest = "0123456789" if head == "fine-tuned" else "9876543210"
            trajectory = f"{strategy}-{retrain}-{size}-s{seed}-{digest}"
            asked[trajectory] = n_steps
            arm = {
                "corpus": name,
                "model": "stub",
                "strategy": strategy,
                "family": FAMILY.get(strategy, "prediction-based"),
                "recipe": "stable",
                "retrain": retrain,
                "head": head,
                "step_size": size,
                "initial": initial,
                "seed": seed,
            }
            lost = strategy in missing or (strategy, seed) in failed
            if strategy in missing and seed:
                continue
            rates = [6e-3, 3e-3, 1.5e-3] if strategy == "qbc" else [3e-3]
            store.write(
                "trajectories",
                {
                    **arm,
                    "rates": [rates],
                    "member_seeds": [[0] * len(rates)],
                    "steps": n_steps,
                    "validation": 0,
                    "learning_rate": 3e-3,
                    "epochs": 5,
                    "batch_size": 16,
                    "status": "failed" if lost else "complete",
                    "error": "RuntimeError: <b>boom</b>" if lost else None,
                    "device": "cpu",
                    "versions": "{}",
                    "commit": "0" * 40,
                },
                trajectory,
            )
            if lost:
                continue
            order = list(np.random.default_rng(seed).permutation(pool))
            if strategy not in ("random", "control"):  # the hostile text is chosen first
                order.remove(0)
                order.insert(initial, 0)
            initial_rows = order[:initial]
            _selection(store, trajectory, -1, initial_rows, ids, labels, pool_labels, None)
            for step in range(n_steps):
                labelled = initial + step * size
                gain = gains.get(strategy, 0.03) * min(1, step / 2)
                gain += gains.get(head, 0.0)
                accuracy = 0.45 + 0.12 * np.log2(labelled / 20 + 1) + gain
                accuracy = float(np.clip(accuracy + random.normal(0, 0.015), 0.1, 0.97))
                right = random.random(tests) < accuracy
                wrong = (test_labels + 1 + step % max(1, len(labels) - 1)) % len(labels)
                predicted = np.where(right, test_labels, wrong)
                store.write(
                    "predictions",
                    {
                        "test": "test",
                        "row_id": test_ids,
                        "label": [labels[code] for code in test_labels],
                        "prediction": [labels[code] for code in predicted],
                        "confidence": random.random(tests),
                    },
                    trajectory,
                    step,
                )
                last = step == n_steps - 1
                counts = [np.bincount(predicted, minlength=len(labels)).tolist() for _ in rates]
                table = np.zeros((len(labels), len(labels)), int)
                np.add.at(table, (test_labels, predicted), 1)
                store.write(
                    "members",
                    {
                        "member": list(range(len(rates))),
                        "learning_rate": rates,
                        "member_seed": [0] * len(rates),
                        "train_loss": [0.4] * len(rates),
                        "collapsed": [False] * len(rates),
                        "predicted_counts": [None if last else count for count in counts],
                        "confusion": [None if last else table.tolist() for _ in rates],
                    },
                    trajectory,
                    step,
                )
                if not last:
                    rows = order[labelled : labelled + size]
                    scores = None if strategy == "random" else random.random(len(rows))
                    _selection(store, trajectory, step, rows, ids, labels, pool_labels, scores)
                measured = float((predicted == test_labels).mean())
                store.write(
                    "steps",
                    {
                        **arm,
                        "n_labelled": labelled,
                        "n_validation": 0,
                        "n_labels_paid": labelled,
                        "pool_share": labelled / pool,
                        "test": "test",
                        "test_accuracy": measured,
                        "test_balanced_accuracy": measured - 0.01,
                        "test_macro_f1": measured - 0.02,
                        "test_loss": 1.0,
                        "train_loss": 0.5,
                        "updates": 150,
                        "fit_seconds": 4.0 + 0.01 * labelled * len(rates),
                        "evaluate_seconds": 0.5,
                        "score_seconds": 0.0 if last or strategy == "random" else 2.0,
                        "select_seconds": 0.01,
                        "step_seconds": 6.6,
                        "n_scored": 0 if last else pool - labelled,
                        "tie_share": 0.2 if strategy == "qbc" else None,
                        "picks_digest": f"{strategy}-{seed}-{step}",
                    },
                    trajectory,
                    step,
                )
    store.study_json.write(
        {
            "schema_version": VERSION,
            "corpus": {"name": "embedded" if demonstration else name, "digest": "c" * 32},
            "models": [{"name": "stub", "digest": "m" * 32}],
            "training": {
                "recipe": "stable",
                "epochs": 5,
                "learning_rate": 3e-3,
                "batch_size": 16,
                "max_length": 64,
                "updates": None,
                "min_updates": 150,
                "warmup": 0.1,
                "decay": "linear",
                "weight_decay": 0.01,
                "clip": 1.0,
                "threads": 1,
                "precision": "float32",
                "token_budget": 4096,
                "chunk_rows": 2048,
            },
            "validation": 0,
            "committee_learning_rates": [6e-3, 3e-3, 1.5e-3],
            "disagreement": "vote-entropy",
            "demonstration": demonstration,
            "labels": list(labels),
            "train_rows": pool,
            "tests": {"test": tests},
            "notes": ["A synthetic study."],
            "study": {
                "strategies": list(strategies),
                "seeds": list(range(seeds)),
                "retrain": list(retrains),
                "heads": ["fine-tuned", *(["frozen"] if frozen else [])],
                "step_sizes": list(step_sizes),
                "initial": None,
                "steps": steps,
                "budget": None,
                "controls": list(controls),
            },
            "run": {"shards": 1, "concurrent": None},
            "trajectories": asked,
            "versions": json.dumps({"al_ray": "0.1.0", "torch": "2.13.0"}),
            "commit": "0" * 40,
            "begun_at": "2026-01-01T00:00:00+00:00",
            "continued_at": "2026-01-01T00:00:00+00:00",
        }
    )
    return out


def _selection(store, trajectory, step, rows, ids, labels, codes, scores):
    columns = {
        "rank": list(range(len(rows))),
        "row_id": [ids[row] for row in rows],
        "label": [labels[codes[row]] for row in rows],
    }
    if scores is not None:
        columns |= {
            "score": scores,
            "prediction": [labels[(codes[row] + 1) % len(labels)] for row in rows],
            "confidence": np.full(len(rows), 0.5),
        }
    store.write("selections", columns, trajectory, step)
