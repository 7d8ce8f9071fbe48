"""Fine-tuning on images with masks: an encoder that is transferred, a decoder that is fresh."""
