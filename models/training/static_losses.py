"""Losses of the static table: questions against units, against files, and commits against files."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from static_commits import CommitBatch


def unit_loss(units: Tensor, questions: Tensor, scale: Tensor, same: Tensor) -> Tensor:
    """Symmetric InfoNCE; `same` [B, B] marks pairs that are no negatives for having the same question."""
    scores = (questions @ units.t() * scale).masked_fill(same, -math.inf)
    right = torch.arange(len(units), device=units.device)
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.t(), right)) / 2


def file_loss(units: Tensor, questions: Tensor, scale: Tensor, files: Tensor) -> Tensor:
    """InfoNCE of questions and files [B, numbers from 0], where a file is the sum of its units in the batch and a
    question's own file is that without the question's own unit. Zero where no file has two units."""
    count = int(files.max()) + 1
    totals = torch.zeros(count, units.shape[1], device=units.device).index_add(0, files, units)
    asked = torch.bincount(files, minlength=count)[files] > 1
    if not bool(asked.any()):
        return units.new_zeros(())
    own = F.normalize(totals[files[asked]] - units[asked], dim=1, eps=1e-6)
    scores = questions[asked] @ F.normalize(totals, dim=1, eps=1e-6).t()
    own_scores = (questions[asked] * own).sum(dim=1)
    scores = scores.scatter(1, files[asked][:, None], own_scores[:, None])
    return F.cross_entropy(scores * scale, files[asked])


def commit_loss(units: Tensor, questions: Tensor, scale: Tensor, batch: CommitBatch) -> Tensor:
    """InfoNCE of the subjects of commits and the files that they changed, a file being the sum of its units."""
    device = units.device
    file_of_unit, right = torch.from_numpy(batch.file_of_unit).to(device), torch.from_numpy(batch.right).to(device)
    totals = torch.zeros(batch.also_right.shape[1], units.shape[1], device=device).index_add(0, file_of_unit, units)
    scores = questions @ F.normalize(totals, dim=1, eps=1e-6).t() * scale
    return F.cross_entropy(scores.masked_fill(torch.from_numpy(batch.also_right).to(device), -math.inf), right)
