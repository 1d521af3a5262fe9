"""The end of every segmentation network: classes for each pixel of the image."""

import keras

from examples.models.resizing import CropLike, EnlargeAligned


def pixel_logits(
    x: keras.KerasTensor, image: keras.KerasTensor, classes: int, stride: int
) -> keras.KerasTensor:
    """1x1 to classes, enlarged bilinearly, cut to the image; float32 under any dtype policy.

    Args:
        x: [N, h, w, C], features that lie `stride` pixels apart on the image padded to
            (h - 1) stride + 1 pixels.
        image: [N, H, W, any], before it was padded.
        classes: outputs a pixel.
        stride: pixels.

    Returns:
        [N, H, W, classes] float32.

    Example:
        >>> image, x = keras.Input((30, 30, 3)), keras.Input((3, 3, 8))
        >>> pixel_logits(x, image, classes=5, stride=16).shape
        (None, 30, 30, 5)
    """
    # Softmax and its loss lose too much in half precision.
    x = keras.layers.Conv2D(classes, 1, dtype="float32", name="classes")(x)
    x = EnlargeAligned(stride, dtype="float32", name="enlarge")(x)
    return CropLike(dtype="float32", name="logits")([x, image])
