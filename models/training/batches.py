"""Batches of packed token ids (see packCode.ts and packQuestions.ts), as (ids, rows, targets, weights).

ids [batch, time] go into the decoder; `rows` are the positions of ids, flattened, whose next token is predicted;
`targets` and `weights` belong to them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

QUESTION_WEIGHT = 4.0
"""Weight of a question's tokens against those of its unit."""

CODE_SHARE = 0.25
"""Share of a unit's own tokens that are learned beside the question's."""

RIVALS = 3
"""Other units that a question is tried with in a contrast."""

RIVAL_DISTANCE = 24
"""Rivals are at most so many places away: of the same file or folder, where telling units apart is hard."""


SHORT_DOCUMENT = 640
"""Tokens; pieces with a hole are at most so long (see codeDocuments.ts)."""


@dataclass(frozen=True)
class Batch:
    ids: Tensor
    rows: Tensor
    targets: Tensor
    weights: Tensor
    tokens: int
    """Tokens that are no padding."""

    def to(self, device: str) -> "Batch":
        move = lambda x: x.to(device, non_blocking=True)  # noqa: E731
        return Batch(move(self.ids), move(self.rows), move(self.targets), move(self.weights), self.tokens)


class Stream:
    """One long run of ids, read in random windows: for the code model."""

    def __init__(self, file: Path, separator: int | None = None):
        """separator: the id that begins a document, if windows shall begin with short documents."""
        self.ids = np.memmap(file, dtype="<u2", mode="r")
        self.bounds = None if separator is None else np.append(np.flatnonzero(self.ids == separator), len(self.ids))

    def batch(self, random: np.random.Generator, tokens: int, time: int) -> Batch:
        count = max(1, tokens // time)
        starts = random.integers(0, len(self.ids) - time - 1, count)
        return self.windows(self.snapped(starts), time)

    def snapped(self, starts):
        """Starts within a short document go to its beginning: a piece with a hole is read from what follows the hole on."""
        if self.bounds is None:
            return starts
        document = np.searchsorted(self.bounds, starts, side="right") - 1
        first, following = self.bounds[np.maximum(document, 0)], self.bounds[document + 1]
        return np.where((document >= 0) & (following - first <= SHORT_DOCUMENT), first, starts)

    def windows(self, starts, time: int) -> Batch:
        cut = torch.from_numpy(np.stack([self.ids[s : s + time + 1] for s in starts]).astype(np.int64))
        ids, targets = cut[:, :-1].contiguous(), cut[:, 1:].reshape(-1)
        return Batch(ids, torch.arange(len(targets)), targets, torch.full((len(targets),), 1 / len(targets)), len(targets))

    def held_out(self, windows: int, time: int, at_a_time: int = 8):
        """The same evenly spread windows every time."""
        starts = np.linspace(0, len(self.ids) - time - 1, windows).astype(np.int64)
        for first in range(0, windows, at_a_time):
            yield self.windows(starts[first : first + at_a_time], time)


class Questions:
    """Units with a question each, in batches of similar length: for the likelihood scorer."""

    def __init__(self, stem: Path):
        self.ids = np.fromfile(stem.with_name(stem.name + ".ids"), dtype="<u2")
        self.offsets = np.fromfile(stem.with_name(stem.name + ".offsets"), dtype="<u4").astype(np.int64)
        self.starts = np.fromfile(stem.with_name(stem.name + ".start"), dtype="<u2").astype(np.int64)
        self.repositories = np.fromfile(stem.with_name(stem.name + ".repository"), dtype="<u2")
        self.units = np.fromfile(stem.with_name(stem.name + ".unit"), dtype="<u4")
        self.lengths = np.diff(self.offsets)
        assert len(self.lengths) == len(self.starts) == len(self.repositories) == len(self.units)

    def __len__(self) -> int:
        return len(self.starts)

    def epoch(self, random: np.random.Generator, tokens: int):
        """Every sequence once: batches of neighbours in length, in random order."""
        noisy = np.argsort(self.lengths + random.uniform(0, 12, len(self)))
        groups, first = [], 0
        while first < len(noisy):
            # The group's longest is its last, give or take the noise.
            last = first + 1
            while last < len(noisy) and (last - first + 1) * self.lengths[noisy[last]] <= tokens:
                last += 1
            groups.append(noisy[first:last])
            first = last
        for index in random.permutation(len(groups)):
            yield self.batch(groups[index], random)

    def contrast(self, random: np.random.Generator, tokens: int) -> tuple[Batch, int]:
        """(a batch of whole groups, sequences per group): a group is one question after its own unit, then after rivals.

        Every row of the batch is a question's token with weight 1; rows are in the order of the sequences.
        """
        size = 1 + RIVALS
        sequences, starts, longest = [], [], 0
        while True:
            group = self._group(int(random.integers(len(self))), random)
            longest = max(longest, *(len(s) for s, _ in group))
            if sequences and (len(sequences) + size) * longest > tokens:
                return question_batch(sequences, starts, None), size
            sequences.extend(s for s, _ in group)
            starts.extend(start for _, start in group)

    def _group(self, member: int, random: np.random.Generator) -> list[tuple[np.ndarray, int]]:
        """(sequence, start of the question) of the member's question after its unit and after its neighbours'."""
        near = np.arange(max(0, member - RIVAL_DISTANCE), min(len(self), member + RIVAL_DISTANCE + 1))
        near = near[(self.repositories[near] == self.repositories[member]) & (self.units[near] != self.units[member])]
        units = [member, *(random.choice(near, RIVALS) if len(near) > 0 else [member] * RIVALS)]
        question = self.question(member)
        prefixes = [self.unit(unit) for unit in units]
        return [(np.concatenate([prefix, question]), len(prefix) + 1) for prefix in prefixes]

    def question(self, member: int) -> np.ndarray:
        """The question mark, the question and the end."""
        begin = self.offsets[member]
        return self.ids[begin + self.starts[member] - 1 : self.offsets[member + 1]]

    def unit(self, member: int) -> np.ndarray:
        """What is before the question mark."""
        begin = self.offsets[member]
        return self.ids[begin : begin + self.starts[member] - 1]

    def batch(self, members, random: np.random.Generator | None) -> Batch:
        """Without `random`, only the questions' tokens count, each as 1."""
        sequences = [self.ids[self.offsets[m] : self.offsets[m + 1]] for m in members]
        return question_batch(sequences, self.starts[members], random)


def question_batch(sequences, starts, random: np.random.Generator | None) -> Batch:
    time = max(len(s) for s in sequences) - 1
    ids = np.zeros((len(sequences), time), dtype=np.int64)
    targets = np.zeros((len(sequences), time), dtype=np.int64)
    weights = np.zeros((len(sequences), time), dtype=np.float32)
    for i, (sequence, start) in enumerate(zip(sequences, starts)):
        n = len(sequence) - 1
        ids[i, :n], targets[i, :n] = sequence[:-1], sequence[1:]
        weights[i, start - 1 : n] = 1.0 if random is None else QUESTION_WEIGHT
        if random is not None:
            weights[i, : start - 1] = random.random(start - 1) < CODE_SHARE
    rows = np.flatnonzero(weights)
    chosen = weights.reshape(-1)[rows]
    if random is not None:
        chosen = chosen / chosen.sum()
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(rows),
        torch.from_numpy(targets.reshape(-1)[rows]),
        torch.from_numpy(chosen),
        int(sum(len(s) for s in sequences)),
    )
