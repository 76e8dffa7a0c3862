"""The steps of a run by state. A separate module, because the runner is a layer below the steps."""

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
