"""Prints the counts of every network beside the paper's: python -m examples.models."""

import sys

from examples.models import table


def main() -> None:
    """Prints the table; exit code 1 where a count differs."""
    found = table.count()
    print(table.text(table.ROWS, found))
    sys.exit(any(here != row.exact for row, here in zip(table.ROWS, found, strict=True)))


if __name__ == "__main__":
    main()
