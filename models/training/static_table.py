"""Trains the static table (models/scorer/static.bin) on pairs of a unit and a question.

    python3 models/training/static_table.py --work DIR --out FILE.bin [--start FILE.bin] [--device cuda] [--resume]

Begins with word vectors of latent semantic analysis. Symmetric InfoNCE with in-batch negatives, half of the batches from
one repository at a time; beside it the file of the unit by its other units, and the files that commits changed, where
there are commits. Writes FILE.bin, and in the work folder a log static.log.jsonl (a line per validation) and a
checkpoint static.pt, from which --resume goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from static_adam import Adam
from static_batches import OPENINGS, Batches, Noise
from static_commits import CommitBatches, Commits, pack_commits
from static_file import StaticTable, read_table, write_table
from static_losses import commit_loss, file_loss, unit_loss
from static_meanings import word_vectors
from static_model import LARGEST_SCALE, StaticModel, Words
from static_pairs import FileNumbers, Pairs, WordIds, load, question_entries, recorded, vocabulary
from static_validation import Validation

#: Learning rates of the vectors and of everything else.
VECTOR_RATE, WEIGHT_RATE = 8e-3, 1e-2
WARM_UP_STEPS, LEAST_RATE = 50, 0.02
COMMITS_PER_BATCH = 256


@dataclass(frozen=True)
class Options:
    words: int
    buckets: int
    dimensions: int
    batch: int
    steps: int
    file_weight: float
    commit_weight: float
    seed: int
    validate_every: int


class Trainer:
    """A model, its optimiser and where it is in its steps."""

    def __init__(
        self,
        model: StaticModel,
        words: Words,
        data: tuple[Pairs, Commits | None],
        ids: WordIds,
        options: Options,
        first_step: int = 0,
    ) -> None:
        pairs, commits = data
        self.model, self.options, self.step = model, options, first_step
        self.words, self._pairs = words, pairs
        # A run that goes on must not see the same batches again.
        random = np.random.default_rng(options.seed + first_step)
        batches = Batches(pairs, options.batch, random)
        self.epochs = options.steps / batches.per_epoch
        self._batches, self._noise = iter(batches), Noise(pairs, ids, random)
        self._commits = None if commits is None else CommitBatches(commits, pairs, COMMITS_PER_BATCH, random)
        vectors = [model.rows, model.grams]
        others = [model.code_weights, model.question_weights, model.field_weights, model.scale]
        self._optimizer = Adam([(vectors, VECTOR_RATE), (others, WEIGHT_RATE)])

    def advance(self) -> float:
        """One step; its loss."""
        chosen, commits = next(self._batches), self._commits.draw() if self._commits else None
        shown, asked = self._noise.units(chosen), question_entries(self._pairs, chosen)
        if commits:
            shown, asked = shown.then(self._noise.dropped(commits.units)), asked.then(commits.questions)
        units, questions = self.model(shown, self._noise.questions(asked), self.words)
        loss = self._pair_loss(units[: len(chosen)], questions[: len(chosen)], chosen)
        if commits:
            of_commits = commit_loss(units[len(chosen) :], questions[len(chosen) :], self.model.scale.exp(), commits)
            loss = loss + self.options.commit_weight * of_commits
        loss.backward()
        self._optimizer.advance(self._rate())
        with torch.no_grad():
            self.model.scale.clamp_(max=math.log(LARGEST_SCALE))
        self.step += 1
        return float(loss)

    def _pair_loss(self, units: Tensor, questions: Tensor, chosen: np.ndarray) -> Tensor:
        pairs, scale = self._pairs, self.model.scale.exp()
        numbers = torch.from_numpy(pairs.question_number[chosen])
        same = (numbers[:, None] == numbers[None, :]).fill_diagonal_(False).to(units.device)
        loss = unit_loss(units, questions, scale, same)
        if self.options.file_weight == 0:
            return loss
        files = np.unique(pairs.unit_file[pairs.pair_unit[chosen]], return_inverse=True)[1]
        by_file = file_loss(units, questions, scale, torch.from_numpy(files).to(units.device))
        return loss + self.options.file_weight * by_file

    def _rate(self) -> float:
        return min(1, (self.step + 1) / WARM_UP_STEPS) * max(LEAST_RATE, 1 - self.step / self.options.steps)

    def save(self, path: Path, table_words: Sequence[str]) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "words": list(table_words),
        }
        torch.save(state, path)

    def restore(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])


@dataclass(frozen=True)
class Places:
    """Files that a run writes."""

    table: Path
    checkpoint: Path

    @property
    def log(self) -> Path:
        return self.checkpoint.with_suffix(".log.jsonl")


def train(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    ids = WordIds(dict.fromkeys(word for opening in OPENINGS for word in opening))
    numbers: FileNumbers = {}
    pairs = load(arguments.work, "train", ids, numbers)
    commits = pack_commits(recorded(arguments.work, "commits", "train"), numbers, ids)
    held_out = load(arguments.work, "heldOut", ids, numbers)
    held_out_commits = pack_commits(recorded(arguments.work, "commits", "heldOut"), numbers, ids)
    checkpoint = arguments.work / "static.pt"
    start = read_table(arguments.start) if arguments.start else None
    resumed = torch.load(checkpoint, map_location="cpu") if arguments.resume else None
    table_words, frequencies = _table_words(pairs, ids, arguments.words, start, resumed)
    buckets = len(start.grams) if start else arguments.buckets
    dimensions = start.rows.shape[1] if start else arguments.dimensions
    model = StaticModel(len(table_words), buckets, dimensions)
    words = Words.of(ids.words, table_words, buckets)
    if start:
        model.begin_with(start)
    elif not resumed:
        model.weigh_by_rarity(frequencies, len(pairs.unit_file) + len(pairs.pair_unit))
        model.add_meanings(word_vectors(pairs, words.rows, len(table_words), dimensions))
    options = Options(
        words=len(table_words),
        buckets=buckets,
        dimensions=dimensions,
        batch=arguments.batch,
        steps=arguments.steps,
        file_weight=arguments.file_weight,
        commit_weight=arguments.commit_weight,
        seed=arguments.seed,
        validate_every=arguments.validate_every,
    )
    model.to(arguments.device)
    data = (pairs, commits if len(commits.repository) > 0 else None)
    trainer = Trainer(model, words, data, ids, options, resumed["step"] if resumed else 0)
    if resumed:
        trainer.restore(resumed)
    _report({"units": len(pairs.unit_file), "pairs": len(pairs.pair_unit), "epochs": round(trainer.epochs, 1)})
    _run(trainer, Validation(held_out, held_out_commits), Places(arguments.out, checkpoint), table_words)


def _table_words(
    pairs: Pairs, ids: WordIds, size: int, start: StaticTable | None, resumed: dict | None
) -> tuple[list[str], np.ndarray]:
    """The table's words, those of an older table where one is continued, and how often each occurs."""
    chosen, frequency = vocabulary(pairs, len(ids.words), size)
    older = resumed["words"] if resumed else start.words if start else None
    if older is not None:
        chosen = np.array([ids.of(word) for word in older])
        frequency = np.append(frequency, np.zeros(len(ids.words) - len(frequency), frequency.dtype))
    return [ids.words[number] for number in chosen], frequency[chosen]


def _run(trainer: Trainer, validation: Validation, places: Places, table_words: Sequence[str]) -> None:
    steps, every = trainer.options.steps, trainer.options.validate_every
    seconds, losses = 0.0, []
    _report_state(trainer, validation, places.log, {"seconds": 0})
    while trainer.step < steps:
        began = time.monotonic()
        losses.append(trainer.advance())
        seconds += time.monotonic() - began
        if trainer.step < steps and trainer.step % every != 0:
            continue
        measured = {"seconds": round(seconds), "loss": round(float(np.mean(losses)), 4)}
        _report_state(trainer, validation, places.log, measured)
        trainer.save(places.checkpoint, table_words)
        write_table(places.table, trainer.model.table(table_words))
        losses = []


def _report_state(trainer: Trainer, validation: Validation, log: Path, values: dict) -> None:
    model = trainer.model
    fields = [round(value, 3) for value in model.field_weights.exp().tolist()]
    measured = validation.measure(model, trainer.words)
    line = {"step": trainer.step, **values, "scale": round(float(model.scale.exp()), 2), "fields": fields, **measured}
    _report(line, log)


def _report(line: dict, file: Path | None = None) -> None:
    text = json.dumps(line)
    print(text, flush=True)
    if file is not None:
        with file.open("a", encoding="utf-8") as log:
            log.write(text + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".cache/training"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a table to continue; its words and sizes stay")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in the work folder")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--words", type=int, default=24000)
    parser.add_argument("--buckets", type=int, default=16384)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--file-weight", type=float, default=0.1)
    parser.add_argument("--commit-weight", type=float, default=0.5)
    parser.add_argument("--validate-every", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    train(_arguments())
