"""Split datasets into training and test parts, and into folds, in files that stay the same."""
