"""Show results: builders make a document of each, renderers draw it; progress on stderr."""
