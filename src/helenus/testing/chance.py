"""Faults by chance: the same seed, the same faults."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from helenus.errors import InvalidArgument
from helenus.testing.faults import Call, Fault, Operation


class ByChance:
    """Chooses faults for a `FaultyStore`, as its `choose`.

    With the same seed the same calls in the same order meet the same faults. So give each store of
    a test its own, and print the seed of a test that fails.

    Args:
        seed: of the random numbers.
        probability: that a call meets a fault at all, from 0 to 1.
        faults: from which one is chosen, by operation; an operation without any never fails.

    Attributes:
        met: how many calls met a fault, by operation.

    Raises:
        InvalidArgument: the probability is not from 0 to 1.
    """

    def __init__(
        self,
        seed: int | str,
        *,
        probability: float,
        faults: Mapping[Operation, Sequence[Fault]],
    ) -> None:
        if not 0 <= probability <= 1:
            raise InvalidArgument(f"A probability is from 0 to 1, not {probability}.")
        self._random = random.Random(seed)
        self._probability = probability
        self._faults = faults
        self.met: Counter[Operation] = Counter()

    def __call__(self, call: Call) -> Fault | None:
        """The fault for a call, if it meets one."""
        faults = self._faults.get(call.operation)
        if not faults or self._random.random() >= self._probability:
            return None
        self.met[call.operation] += 1
        return self._random.choice(faults)
