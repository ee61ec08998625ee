"""MRC: which questions on texts deserve their answers, for machine reading (the reference study's
second open end).
"""

from al_ray.commands.experiment import Experiment
from al_ray.commands.start import study

EXPERIMENT = Experiment(
    name="mrc",
    title="Answers to questions as spans of a context: random, uncertain spans, core-set.",
    strategies=("random", "least-confidence", "margin", "entropy", "core-set"),
    step_sizes=(200,),
    budget=1000,
    batch_size=8,
    max_length=384,
    data="embedded-questions",
    demo_step_sizes=(100,),
)

if __name__ == "__main__":
    study(EXPERIMENT)
