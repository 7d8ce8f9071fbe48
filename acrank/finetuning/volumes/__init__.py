"""Fine-tune on volumes with labels: patches for training, whole volumes for judging."""
