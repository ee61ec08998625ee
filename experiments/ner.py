"""NER: which sentences of named entities deserve their labels (the reference study's open end)."""

from al_ray.commands.experiment import Experiment
from al_ray.commands.start import study

EXPERIMENT = Experiment(
    name="ner",
    title="Named entities by characters: random, four strategies of sequences and the committee.",
    strategies=("random", "least-confidence", "mnlp", "ltp", "class-weighted", "qbc"),
    step_sizes=(100,),
    budget=500,
    batch_size=16,
    max_length=128,
    data="embedded-entities",
    demo_step_sizes=(50,),
)

if __name__ == "__main__":
    study(EXPERIMENT)
