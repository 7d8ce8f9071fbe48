"""Fine-tuning on volumes with labels: patches to train on, whole volumes to judge on."""
