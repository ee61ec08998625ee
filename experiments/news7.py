"""NEWS-7: seven news sections with a committee (experiment E6 of the reference study)."""

from al_ray.commands.experiment import Experiment
from al_ray.commands.start import study

EXPERIMENT = Experiment(
    name="news7",
    title="Seven news sections: five arms, the committee among them, up to 21,000 labels.",
    strategies=("random", "least-confidence", "margin", "entropy", "qbc"),
    step_sizes=(3000,),
    budget=21_000,
    batch_size=8,
    max_length=512,
)

if __name__ == "__main__":
    study(EXPERIMENT)
