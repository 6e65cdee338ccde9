"""The static table's optimiser."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


class Adam:
    """Adam that changes its numbers in place: torch's own takes twice as long on one processor."""

    FIRST, SECOND, LEAST = 0.9, 0.98, 1e-8

    def __init__(self, groups: Sequence[tuple[Sequence[Tensor], float]]) -> None:
        self._groups = groups
        self._steps = 0
        self._means = [[torch.zeros_like(parameter) for parameter in parameters] for parameters, _ in groups]
        self._squares = [[torch.zeros_like(parameter) for parameter in parameters] for parameters, _ in groups]

    @torch.no_grad()
    def advance(self, share: float) -> None:
        """One step at a share of the groups' rates, after which all gradients are zero."""
        self._steps += 1
        first, second = 1 - self.FIRST**self._steps, 1 - self.SECOND**self._steps
        for (parameters, rate), means, squares in zip(self._groups, self._means, self._squares, strict=True):
            for parameter, mean, square in zip(parameters, means, squares, strict=True):
                gradient = parameter.grad
                mean.lerp_(gradient, 1 - self.FIRST)
                square.mul_(self.SECOND).addcmul_(gradient, gradient, value=1 - self.SECOND)
                torch.sqrt(square, out=gradient).add_(self.LEAST)
                parameter.addcdiv_(mean, gradient, value=-rate * share * math.sqrt(second) / first)
                gradient.zero_()

    def state_dict(self) -> dict:
        return {"steps": self._steps, "means": self._means, "squares": self._squares}

    def load_state_dict(self, state: dict) -> None:
        self._steps = state["steps"]
        for name, own in (("means", self._means), ("squares", self._squares)):
            for mine, theirs in zip(own, state[name], strict=True):
                for tensor, value in zip(mine, theirs, strict=True):
                    tensor.copy_(value)
