"""Results that are kept between runs, each under a key of all that it depends on."""

from acrank.store.key import Key
from acrank.store.results import Kept, ResultStore, Store, cache_folder, open_store

__all__ = ["Kept", "Key", "ResultStore", "Store", "cache_folder", "open_store"]
