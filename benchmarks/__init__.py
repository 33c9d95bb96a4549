"""How fast is it, as ratios of things measured in the same minute on the same machine? `make bench`."""
