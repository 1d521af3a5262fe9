"""A Keras callback that measures whole images after each round, for the log and TensorBoard."""

import keras
import tensorflow as tf

from examples.datasets.masked import Masked
from examples.segmentation.evaluate import Scorer
from examples.training import summaries
from examples.training.optimizers import steps_done

_PICTURES = 2


class Validation(keras.callbacks.Callback):
    """Adds `val_miou` and `val_mean_accuracy` to a round's logs; the IoU of every class and some
    overlays for TensorBoard.

    Args:
        split: the images.
        shrink: of `Masked.read`.
        writer: of the event file.
    """

    def __init__(self, split: Masked, shrink: int, writer: tf.summary.SummaryWriter) -> None:
        super().__init__()
        self._split, self._shrink, self._writer = split, shrink, writer
        self._scorer: Scorer | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measures and writes, numbered by optimizer step."""
        step = steps_done(self.model)
        if self._scorer is None:
            self._scorer = Scorer(self.model, len(self._split.classes))
        score, rows = self._scorer.score(self._split, self._shrink, _PICTURES)
        if logs is not None:
            logs |= {"val_miou": score.miou, "val_mean_accuracy": score.mean_accuracy}
        with self._writer.as_default():
            for name, value in score.iou.items():
                summaries.scalar(f"iou/{name}", value, step)
            for row in rows:
                for label, pixels in row.cells[1:]:
                    summaries.picture(f"{row.title}/{label}", pixels, step)
