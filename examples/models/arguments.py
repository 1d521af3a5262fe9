"""What the builders ask of their arguments."""


def check_counts(**given: int) -> None:
    """Counts, of filters or classes.

    Args:
        **given: argument -> its value.

    Raises:
        ValueError: one is no integer >= 1; names it.

    Example:
        >>> check_counts(classes=19, filters=256)
    """
    for argument, value in given.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(
                f"`{argument}` must be an integer >= 1. Received: {argument}={value!r}"
            )
