"""Times PyTorch's (cuDNN's) convolutions of cuda_bench's shapes, for tools/gpu_check.sh.

Events, the median of 21 after a warm-up, the L2 cache flushed before each. float32 is timed with
and without TF32, since our kernels multiply in full float32.
"""

import statistics
from collections.abc import Callable

import torch

# (name, batch, size, channels, stride), as in cc/bench/cuda_bench.cc.
SHAPES = [
    ("A 8x32x32x192", 8, 32, 192, 1),
    ("A 64 images", 64, 32, 192, 1),
    ("B 1x64x64x256", 1, 64, 256, 1),
    ("C1 1x256x256x32", 1, 256, 32, 1),
    ("C2 1x128x128x64", 1, 128, 64, 1),
    ("ResNet 64x56x56x64", 64, 56, 64, 1),
    ("ResNet 64x14x14x256", 64, 14, 256, 1),
    ("ResNet 64x7x7x512", 64, 7, 512, 1),
    ("stride 2, 8x64x64x128", 8, 64, 128, 2),
]
ROUNDS = 21
WARM_UP = 3


def median_us(run: Callable[[], object], flush: torch.Tensor) -> float:
    """Returns the median time of `run` in microseconds."""
    times = []
    for i in range(-WARM_UP, ROUNDS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        flush.fill_(i)
        begin.record()
        run()
        end.record()
        end.synchronize()
        if i >= 0:
            times.append(begin.elapsed_time(end) * 1e3)
    return statistics.median(times)


def main() -> None:
    torch.backends.cudnn.benchmark = True
    flush = torch.empty(256 << 20, dtype=torch.int8, device="cuda")
    print(
        f"{torch.cuda.get_device_name()}, torch {torch.__version__}, "
        f"cuDNN {torch.backends.cudnn.version()}"
    )
    for name, batch, size, channels, stride in SHAPES:
        for dtype, tf32 in ((torch.float32, False), (torch.float32, True), (torch.float16, False)):
            torch.backends.cudnn.allow_tf32 = tf32
            x = torch.randn(batch, channels, size, size, device="cuda", dtype=dtype)
            x = x.to(memory_format=torch.channels_last).requires_grad_()
            for kernel in (3, 5):
                conv = torch.nn.Conv2d(
                    channels, channels, kernel, stride, kernel // 2, bias=False, device="cuda"
                ).to(dtype=dtype, memory_format=torch.channels_last)
                dy = torch.randn_like(conv(x))
                forward = median_us(lambda conv=conv, x=x: conv(x), flush)
                both = median_us(
                    lambda conv=conv, x=x, dy=dy: torch.autograd.grad(
                        conv(x), [x, conv.weight], dy
                    ),
                    flush,
                )
                label = "tf32" if tf32 else str(dtype).removeprefix("torch.")
                print(
                    f"{name:22} {label:8} {kernel}x{kernel} forward {forward:9.1f} us"
                    f"  forward + backward {both:9.1f} us"
                )


if __name__ == "__main__":
    main()
