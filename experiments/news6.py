"""NEWS-6: six news sections (experiment E5 of the reference study)."""

from al_ray.commands.experiment import Experiment
from al_ray.commands.start import study

EXPERIMENT = Experiment(
    name="news6",
    title="Six news sections: random, least confidence and entropy up to half of the pool.",
    strategies=("random", "least-confidence", "entropy"),
    step_sizes=(1000,),
    budget=0.5,
    batch_size=8,
    max_length=512,
)

if __name__ == "__main__":
    study(EXPERIMENT)
