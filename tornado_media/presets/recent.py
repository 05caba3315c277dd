"""What was worked out last, held ready. A page asks for all of its pictures in the same words."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Results by all that they depend on; nobody may change one. The least recently used go.

    Args:
        most: how many are held.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable) -> T | None:
        """The result, if it is held."""
        result = self._held.get(key)
        if result is not None:
            self._held.move_to_end(key)
        return result

    def keep(self, key: Hashable, result: T) -> T:
        """Hold a result; it is given back."""
        self._held[key] = result
        self._held.move_to_end(key)
        if len(self._held) > self._most:
            self._held.popitem(last=False)
        return result
