"""Recognizing the detach keys in what a client types."""

from __future__ import annotations


class DetachKeys:
    """Watches input for ``keys`` typed one after the other. Empty ``keys`` are never typed.

    A beginning of the sequence is held back until the next byte decides; when it turns out to be something else, all
    of it goes on to the process.
    """

    __slots__ = ("_keys", "_matched")

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._matched = 0

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What is to be passed on out of ``data`` (and of what was held back), and whether the keys are complete.

        What follows the complete sequence is dropped.
        """
        keys = self._keys
        if not keys or (not self._matched and keys[0] not in data):
            return data, False
        passed = bytearray()
        for byte in data:
            while byte != keys[self._matched]:
                if not self._matched:
                    passed.append(byte)
                    break
                shorter = self._fall_back()
                passed += keys[: self._matched - shorter]
                self._matched = shorter
            else:
                self._matched += 1
                if self._matched == len(keys):
                    self._matched = 0
                    return bytes(passed), True
        return bytes(passed), False

    def _fall_back(self) -> int:
        """The longest proper beginning of the keys that is also an end of what has matched so far."""
        seen = self._keys[: self._matched]
        return next(n for n in range(self._matched - 1, -1, -1) if seen.endswith(self._keys[:n]))
