"""One builder a network; `conv="dau" | "standard"` is an argument, never a second model."""
