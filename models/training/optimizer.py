"""Muon for the matrices of the body, AdamW for word vectors and norms, and a schedule that can be continued."""

import torch
from torch import Tensor

MUON_MOMENTUM = 0.95
# Coefficients of the quintic iteration, from Muon's reference (Jordan et al. 2024): steep at zero, not exact at one.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5


def orthogonalised(gradients: Tensor) -> Tensor:
    """About U·Vᵀ of each matrix's singular value decomposition U·S·Vᵀ, for [matrices, rows, columns]."""
    a, b, c = NEWTON_SCHULZ
    x = gradients / (gradients.norm(dim=(1, 2), keepdim=True) + 1e-7)
    wide = x.shape[1] <= x.shape[2]
    x = x if wide else x.transpose(1, 2)
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = torch.bmm(x, x.transpose(1, 2))
        x = a * x + torch.bmm(b * square + c * torch.bmm(square, square), x)
    return x if wide else x.transpose(1, 2)


class Optimizer:
    """Steps all parameters of a Decoder. Rates are per step at schedule 1.

    Matrices that are products of several (queries, keys, values; gate, up) are orthogonalised part by part.
    """

    def __init__(self, decoder, matrix_rate: float, vector_rate: float, weight_decay: float = 0.01):
        self.matrix_rate, self.vector_rate, self.weight_decay = matrix_rate, vector_rate, weight_decay
        self.groups = _matrix_groups(decoder)
        self.momenta = [[torch.zeros_like(p) for p, _ in group] for group in self.groups]
        vectors = [p for n, p in decoder.named_parameters() if p.dim() == 1 or n == "words"]
        self.adam = torch.optim.AdamW(vectors, lr=vector_rate, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0)

    @torch.no_grad()
    def step(self, schedule: float) -> None:
        for group, momenta in zip(self.groups, self.momenta):
            self._muon(group, momenta, self.matrix_rate * schedule)
        for group in self.adam.param_groups:
            group["lr"] = self.vector_rate * schedule
        self.adam.step()

    def state_dict(self) -> dict:
        return {"momenta": self.momenta, "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        for mine, theirs in zip(self.momenta, state["momenta"]):
            for a, b in zip(mine, theirs):
                a.copy_(b)
        self.adam.load_state_dict(state["adam"])

    def _muon(self, group, momenta, rate: float) -> None:
        """Parameters of one group have parts of one size, so that all parts are orthogonalised in one go."""
        parts = []
        for (parameter, columns), momentum in zip(group, momenta):
            momentum.mul_(MUON_MOMENTUM).add_(parameter.grad, alpha=1 - MUON_MOMENTUM)
            ahead = parameter.grad.lerp(momentum, MUON_MOMENTUM)
            parts.extend(ahead.split(columns, dim=1))
        updates = iter(orthogonalised(torch.stack(parts)))
        for parameter, columns in group:
            update = torch.cat([next(updates) for _ in range(parameter.shape[1] // columns)], dim=1)
            # Weights are [inputs, outputs]: more outputs than inputs call for a longer step.
            size = max(1.0, columns / parameter.shape[0]) ** 0.5
            parameter.mul_(1 - rate * self.weight_decay).add_(update, alpha=-rate * size)


def trapezoid(step: int, progress: float, warmup_steps: int, decay_share: float) -> float:
    """Factor of the rates: up over `warmup_steps`, level, and down to 2 % over the last `decay_share` of the run.

    `progress` is the share of the run that is done, 0 to 1. The level part can be continued by a later run.
    """
    up = min(1.0, (step + 1) / warmup_steps)
    left = 1.0 if decay_share == 0 else min(1.0, (1 - progress) / decay_share)
    return up * max(0.02, left)


def _matrix_groups(decoder) -> list[list[tuple[torch.nn.Parameter, int]]]:
    """The body's matrices by the size of their parts: (parameter, columns of a part)."""
    shape = decoder.shape
    kv = shape.kv_heads * shape.head_width
    by_size: dict[tuple[int, int], list] = {}
    for layer in decoder.layers:
        for parameter, columns in [
            (layer.packed, kv),
            (layer.merge, shape.width),
            (layer.gate_up, shape.inner),
            (layer.down, shape.width),
        ]:
            by_size.setdefault((parameter.shape[0], columns), []).append((parameter, columns))
    return list(by_size.values())
