"""The steps of a run by its state. A module of its own, so that the runner below the steps doesn't import them."""

from trainer.pipeline.runner import PipelineSteps
from trainer.pipeline.steps import evaluate, export, train

ALL_STEPS = PipelineSteps(
    {
        "queued": export.begin_run,
        "exporting": export.export,
        "training": train.train,
        "merging": train.merge,
        "judging": evaluate.judge,
    },
    restart=export.restart_from_export,
)
