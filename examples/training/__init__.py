"""What every study's training shares: the loop, its callbacks, strategies, weights."""
