"""NEWS-6: six news sections (experiments E1 and E5 of the reference study)."""

from al_ray.cli import study_main
from al_ray.parser import Experiment

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
    study_main(EXPERIMENT)
