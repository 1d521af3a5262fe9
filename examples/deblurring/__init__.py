"""De-blurring as in the paper's Sec. 6.3: make a data set, train, evaluate, export; a demo."""
