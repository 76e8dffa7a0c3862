"""XTuner's training loop, which resumes without reading the rows before the checkpoint."""

from mmengine.registry import LOOPS
from mmengine.runner.loops import _InfiniteDataloaderIterator
from xtuner.engine.runner import TrainLoop


@LOOPS.register_module()
class ResumableTrainLoop(TrainLoop):
    """TrainLoop over an EndlessSampler. mmengine's own loop would load and drop every batch before the checkpoint."""

    def run(self) -> object:
        """Train to the last step and return the model, as TrainLoop does. A resumed run begins after its last row."""
        runner = self.runner
        runner.call_hook("before_train")
        runner.call_hook("before_train_epoch")
        if self._iter:
            self.dataloader.sampler.start = self._iter * self.dataloader.batch_size
            self.dataloader_iterator = _InfiniteDataloaderIterator(self.dataloader)
        runner.model.train()
        while self._iter < self._max_iters and not self.stop_training:
            self.run_iter(next(self.dataloader_iterator))
        runner.call_hook("after_train_epoch")
        runner.call_hook("after_train")
        return runner.model
