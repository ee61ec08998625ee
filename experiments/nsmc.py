"""NSMC: binary sentiment of film reviews (experiments E1 to E4 of the reference study)."""

from al_ray.commands.experiment import Experiment
from al_ray.commands.start import study

EXPERIMENT = Experiment(
    name="nsmc",
    title="Binary sentiment: random, least confidence and entropy up to 40 % of the pool.",
    strategies=("random", "least-confidence", "entropy"),
    step_sizes=(3000,),
    budget=0.4,
    batch_size=16,
    max_length=150,
)

if __name__ == "__main__":
    study(EXPERIMENT)
