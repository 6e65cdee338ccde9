"""The static table while it is trained: a PyTorch module over word ids, with the table's arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from static_file import FIELDS, StaticTable, gram_buckets
from static_pairs import Entries

#: Weights that a table begins with; the program learns their logarithms.
FIRST_FIELD_WEIGHTS = {"path": 1.0, "name": 2.0, "code": 1.0, "doc": 1.35}
FIRST_SCALE = 15.0
#: Deviation of the first numbers: little beside meanings of length 1, enough to keep words apart that have none.
FIRST_NOISE = 0.01
LARGEST_SCALE = 60.0
#: Inverse document frequency that has weight 1, and the least one.
MIDDLE_RARITY, LEAST_RARITY = 6.0, 0.3


@dataclass(frozen=True)
class Words:
    """What the module needs to know about every word id: its row (W for unknown words) and its n-grams' buckets."""

    rows: np.ndarray
    gram_ids: np.ndarray
    gram_offsets: np.ndarray

    @staticmethod
    def of(words: Sequence[str], table_words: Sequence[str], buckets: int) -> Words:
        known = {word: row for row, word in enumerate(table_words)}
        grams = [gram_buckets(word, buckets) for word in words]
        return Words(
            rows=np.array([known.get(word, len(known)) for word in words], np.int64),
            gram_ids=np.array([bucket for word in grams for bucket in word], np.int64),
            gram_offsets=np.concatenate([[0], np.cumsum([len(word) for word in grams])]).astype(np.int64),
        )


class StaticModel(nn.Module):
    """W words, B buckets, D dimensions; the last of the W + 1 rows stands for unknown words and stays zero."""

    def __init__(self, words: int, buckets: int, dimensions: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(words + 1, dimensions) * FIRST_NOISE)
        self.grams = nn.Parameter(torch.randn(buckets, dimensions) * FIRST_NOISE)
        self.code_weights = nn.Parameter(torch.zeros(words + 1))
        self.question_weights = nn.Parameter(torch.zeros(words + 1))
        self.field_weights = nn.Parameter(torch.tensor([math.log(FIRST_FIELD_WEIGHTS[field]) for field in FIELDS]))
        self.scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))
        with torch.no_grad():
            self.rows[-1] = 0
        self.rows.register_hook(_without_last_row)

    def weigh_by_rarity(self, frequencies: np.ndarray, texts: int) -> None:
        """Word weights from inverse document frequencies [W], of which unknown words have the greatest."""
        rarity = np.log((texts + 1) / (np.append(frequencies, 0) + 1))
        weights = np.log(np.maximum(rarity, LEAST_RARITY) / MIDDLE_RARITY)
        with torch.no_grad():
            self.code_weights.copy_(torch.from_numpy(weights))
            self.question_weights.copy_(torch.from_numpy(weights))

    def add_meanings(self, vectors: Tensor) -> None:
        """Adds vectors [W, D] to the random ones."""
        with torch.no_grad():
            self.rows[:-1] += vectors

    def begin_with(self, table: StaticTable) -> None:
        """Takes over a table of the same size."""
        with torch.no_grad():
            self.rows[:-1].copy_(torch.from_numpy(table.rows))
            self.grams.copy_(torch.from_numpy(table.grams))
            for own, weights, unknown in (
                (self.code_weights, table.code_weights, table.unknown_code),
                (self.question_weights, table.question_weights, table.unknown_question),
            ):
                own.copy_(torch.from_numpy(np.append(weights, np.float32(unknown))).clamp(min=1e-6).log())
            self.field_weights.copy_(torch.tensor([math.log(table.field_weights[field]) for field in FIELDS]))

    def table(self, words: Sequence[str]) -> StaticTable:
        """The table as it is now."""
        with torch.no_grad():
            code, question = self.code_weights.exp().cpu().numpy(), self.question_weights.exp().cpu().numpy()
            return StaticTable(
                words=words,
                rows=self.rows[:-1].cpu().numpy().copy(),
                grams=self.grams.cpu().numpy().copy(),
                code_weights=code[:-1],
                question_weights=question[:-1],
                unknown_code=float(code[-1]),
                unknown_question=float(question[-1]),
                field_weights=dict(zip(FIELDS, self.field_weights.exp().tolist(), strict=True)),
            )

    def forward(self, units: Entries, questions: Entries, words: Words) -> tuple[Tensor, Tensor]:
        """Vectors of length 1 of the units and of the questions."""
        used, places = np.unique(np.concatenate([units.words, questions.words]), return_inverse=True)
        device = self.rows.device
        rows = torch.from_numpy(words.rows[used]).to(device)
        vectors = F.embedding(rows, self.rows) + self._gram_means(used, words)
        unit_places, question_places = np.split(places, [len(units.words)])
        unit_rows, question_rows = rows[unit_places], rows[question_places]
        fields = torch.from_numpy(units.fields.astype(np.int64)).to(device)
        factors = torch.from_numpy(units.factors).to(device)
        code = torch.exp(self.code_weights[unit_rows] + self.field_weights[fields]) * factors
        question = torch.exp(self.question_weights[question_rows])
        return (
            F.normalize(_sums(vectors, unit_places, units, code), dim=1, eps=1e-6),
            F.normalize(_sums(vectors, question_places, questions, question), dim=1, eps=1e-6),
        )

    def _gram_means(self, used: np.ndarray, words: Words) -> Tensor:
        starts, ends = words.gram_offsets[used], words.gram_offsets[used + 1]
        lengths = ends - starts
        offsets = np.cumsum(lengths) - lengths
        positions = np.arange(int(lengths.sum())) + np.repeat(starts - offsets, lengths)
        device = self.grams.device
        ids, bags = torch.from_numpy(words.gram_ids[positions]).to(device), torch.from_numpy(offsets).to(device)
        return F.embedding_bag(ids, self.grams, bags, mode="mean")


def _sums(vectors: Tensor, places: np.ndarray, entries: Entries, weights: Tensor) -> Tensor:
    """Weighted sums of vectors, one per text."""
    offsets = np.searchsorted(entries.places, np.arange(entries.texts))
    device = vectors.device
    return F.embedding_bag(
        torch.from_numpy(places).to(device),
        vectors,
        torch.from_numpy(offsets).to(device),
        mode="sum",
        per_sample_weights=weights,
    )


def _without_last_row(gradient: Tensor) -> Tensor:
    gradient[-1] = 0
    return gradient
