"""Label savings: what arms need for the accuracy of N random rows (E7 of the reference study).

The baseline of N random rows is of the arm's own epochs. Then, from its tables:

    al-ray verdict results/savings --targets 21000 7000 3000 1000
"""

from al_ray.commands.experiment import Experiment
from al_ray.commands.start import study

EXPERIMENT = Experiment(
    name="savings",
    title="Labels that arms need for the accuracy of N random rows, by step size and epochs.",
    strategies=("random", "least-confidence", "margin", "entropy", "qbc"),
    step_sizes=(3000, 1000, 500, 200),
    budget=21_000,
    batch_size=8,
    max_length=512,
    # A floor on updates would make epochs mean nothing.
    training={"epochs": (3, 15), "min_updates": (0,)},
    demo_strategies=("random", "margin"),
    demo_step_sizes=(120, 60, 30),
    demo_steps=None,
    demo_budget=240,
)

if __name__ == "__main__":
    study(EXPERIMENT)
