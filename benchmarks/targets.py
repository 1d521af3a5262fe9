"""How much faster a layer is to be than each rival: at least so many times, by shape."""

FORWARD = "forward"
BACKWARD = "forward + backward"

Key = tuple[str, int, float, str]
"""(rival, units, max_displacement, pass)."""


LAYER: dict[Key, dict[str, float]] = {
    ("conv3x3", 2, 4, FORWARD): {"A": 1.5, "B": 1.5, "C2": 1.25, "C1": 0.9},
    ("conv3x3", 2, 4, BACKWARD): {"A": 1.4, "B": 1.4, "C2": 1.2, "C1": 0.9},
    ("conv3x3", 6, 4, FORWARD): {"A": 1.2, "B": 1.2, "C2": 1.1},
    ("conv3x3", 6, 4, BACKWARD): {"A": 1.0, "B": 1.0, "C2": 1.0},
    ("conv5x5", 2, 4, FORWARD): {"A": 3.5, "B": 3.5, "C1": 2.0, "C2": 2.0},
    ("conv5x5", 2, 4, BACKWARD): {"A": 3.0, "B": 3.0, "C1": 2.0, "C2": 2.0},
    ("dense9x9", 2, 4, FORWARD): {"A": 12.0, "B": 12.0, "C2": 8.0},
    ("dense9x9", 2, 4, BACKWARD): {"A": 10.0, "B": 10.0},
    ("dcls9x9", 2, 4, FORWARD): {"A": 25.0, "B": 25.0},
    ("dcls9x9", 2, 4, BACKWARD): {"A": 25.0, "B": 25.0},
    ("dense33x33", 2, 16, FORWARD): {"A": 80.0, "B": 80.0},
    ("dense33x33", 2, 16, BACKWARD): {"A": 60.0, "B": 60.0},
}

NETWORK = {"step": 2.0, "inference": 2.5, "memory": 1.0}
"""standard / DAU at two threads: seconds of a training step and of a frame, peak bytes."""


def layer_target(
    rival: str, units: int, max_displacement: float, direction: str, shape_name: str
) -> float | None:
    """The ratio rival / ours to be reached at one thread, or None."""
    return LAYER.get((rival, units, max_displacement, direction), {}).get(shape_name)


def verdict(ratio: float | None, target: float | None) -> str:
    """ "reached", "missed", or "" without a target or a measurement."""
    if ratio is None or target is None:
        return ""
    return "reached" if ratio >= target else "missed"
