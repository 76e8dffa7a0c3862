"""The steps of a run by its state. A module of its own, so that the runner below the steps doesn't import them."""
from trainer.pipeline import exporting, judging, training
from trainer.pipeline.drive import PipelineSteps

ALL_STEPS = PipelineSteps(
    {"queued": exporting.begin, "exporting": exporting.export, "training": training.train, "merging": training.merge,
     "judging": judging.judge},
    restart=exporting.restart_from_export)
