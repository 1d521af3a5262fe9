"""A Keras callback that restores some images after each round, for the log and TensorBoard."""

import keras
import numpy as np
import tensorflow as tf

from examples.datasets.gopro import Pair, read_pair
from examples.deblurring import metrics
from examples.models.srn_deblur import restorer
from examples.training import summaries
from examples.training.optimizers import steps_done

_PICTURES = 2


class Validation(keras.callbacks.Callback):
    """Adds `val_psnr` and `val_ssim` to a round's logs, and restored images for TensorBoard.

    Args:
        pairs: the images, [H, W, 3] each.
        writer: of the event file.
    """

    def __init__(self, pairs: list[Pair], writer: tf.summary.SummaryWriter) -> None:
        super().__init__()
        self._pairs, self._writer = pairs, writer
        self._restore: tf.types.experimental.PolymorphicFunction | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measures as the evaluation does, and writes, numbered by optimizer step."""
        if self._restore is None:
            self._restore = tf.function(restorer(self.model), reduce_retracing=True)
        step, figures = steps_done(self.model), []
        for number, pair in enumerate(self._pairs):
            blurred, sharp = read_pair(pair)
            batch = blurred[np.newaxis].astype(np.float32) / 255.0
            restored = metrics.to_uint8(self._restore(batch, training=False).numpy()[0])
            figures.append((metrics.psnr(restored, sharp), metrics.ssim(restored, sharp)))
            if number < _PICTURES:
                with self._writer.as_default():
                    sheet = np.concatenate([blurred, restored, sharp], axis=1)
                    summaries.picture(f"{pair.name}: blurred, restored, sharp", sheet, step)
        if logs is not None:
            psnr, ssim = np.mean(figures, axis=0)
            logs |= {"val_psnr": float(psnr), "val_ssim": float(ssim)}
