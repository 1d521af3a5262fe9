"""PSNR and SSIM as the GOPRO evaluation takes them: on 8-bit RGB, one number an image."""

import numpy as np
import tensorflow as tf


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Clips to 0..1 and cuts (not rounds) to 0..255; any shape, float -> uint8."""
    return (np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)


def psnr(image: np.ndarray, target: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of [H, W, 3] uint8 against [H, W, 3] uint8."""
    return float(tf.image.psnr(image, target, 255))


def ssim(image: np.ndarray, target: np.ndarray) -> float:
    """Structural similarity, 11x11 Gaussian window, mean of the channels; H, W >= 11.

    image, target: [H, W, 3] uint8.
    """
    return float(tf.image.ssim(tf.constant(image), tf.constant(target), 255))
