"""Fine-tune on images with masks: a pretrained encoder and a fresh decoder."""
