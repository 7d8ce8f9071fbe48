"""Score one loaded model on one sample: features, AC-Norm step, scores, inspection of layers."""
