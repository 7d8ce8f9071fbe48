"""Walk through folders of images and understand them by their names."""
