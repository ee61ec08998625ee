"""Search: which training and strategy deserve the labels, before any test row is read."""

from al_ray.commands.experiment import Experiment
from al_ray.commands.start import study

EXPERIMENT = Experiment(
    name="search",
    title="A search for strategy and training by validation rows; the best, and random tuned as "
    "hard, are compared on the test. Without options: synchronous halving.",
    strategies=("margin", "entropy", "badge", "random"),
    step_sizes=(100,),
    budget=300,
    batch_size=8,
    max_length=64,
    search="halving",
    validation=300,
)

if __name__ == "__main__":
    study(EXPERIMENT)
