"""Keep results between runs, each under a key of everything it depends on."""

from acrank.cache.results import Kept, Key, Nowhere, ResultStore, Store, cache_folder, open_store

__all__ = ["Kept", "Key", "Nowhere", "ResultStore", "Store", "cache_folder", "open_store"]
