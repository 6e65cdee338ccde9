"""Trains a decoder on packed ids: the likelihood scorer on questions, the code model on source text.

    python3 train_decoder.py likelihood --work .cache/training --minutes 60 --start ../scorer/likelihood.gguf
    python3 train_decoder.py code --work .cache/training --minutes 120

A run begins where the last one of the same name left off (W/<name>.level.pt, from before the rates went down) unless
--fresh is given. It writes W/<name>.pt, W/<name>.log.jsonl and W/<name>.level.pt; export_decoder.py makes the model file.
"""

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from batches import Batch, Questions, Stream, question_batch
from decoder import SHAPES, Decoder, Shape
from decoder_file import read_decoder
from optimizer import Optimizer, trapezoid

VALIDATE_SECONDS = 300
GRADIENT_NORM_MAX = 1.0
WARMUP_STEPS = 60
DECAY_SHARE = 0.25
SEED = 7


@dataclass
class Progress:
    """What a run has read and done, over all its parts."""

    tokens: int = 0
    step: int = 0
    seconds: float = 0.0


def main() -> None:
    options = parse_options()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    stem = options.work / options.name
    decoder, optimizer, progress = open_run(options, stem)
    decoder.to(options.device)
    task = CodeTask(options) if options.task == "code" else QuestionTask(options)
    # Another part of a long run shall not see the same random windows again.
    task.random = np.random.default_rng(options.seed + progress.step)
    train(decoder, optimizer, progress, task, options, stem)


def train(decoder: Decoder, optimizer: Optimizer, progress: Progress, task, options, stem: Path) -> None:
    began, before, last, average = time.time(), progress.seconds, time.time(), None
    share = 0.0
    leveled = False
    batches = task.batches(lambda: share)
    while share < 1:
        batch = next(batches)
        loss = task.backward(decoder, batch)
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), GRADIENT_NORM_MAX)
        optimizer.step(trapezoid(progress.step, share, WARMUP_STEPS, options.decay))
        decoder.zero_grad(set_to_none=True)
        progress.step += 1
        progress.tokens += (batch if isinstance(batch, Batch) else batch[0]).tokens
        average = loss if average is None else 0.98 * average + 0.02 * loss
        now = time.time()
        share = (now - began) / (options.minutes * 60)
        progress.seconds = before + now - began
        if not leveled and share >= 1 - options.decay:
            save(stem.with_name(stem.name + ".level.pt"), decoder, optimizer, progress)
            leveled = True
        if now - last > VALIDATE_SECONDS or share >= 1 or progress.step in (20, 200):
            report(stem, decoder, task, progress, average)
            save(stem.with_name(stem.name + ".pt"), decoder, optimizer, progress)
            last = time.time()
    # Kept for good: `export_decoder.py --average` takes the ends of several runs.
    save(stem.with_name(f"{stem.name}.{progress.tokens / 1e6:.1f}M.pt"), decoder, optimizer, progress)


def report(stem: Path, decoder: Decoder, task, progress: Progress, average: float) -> None:
    with torch.no_grad():
        valid = task.validate(decoder)
    line = {
        "tokens": progress.tokens,
        "step": progress.step,
        "seconds": round(progress.seconds),
        "loss": round(average, 4),
        **{name: round(value, 4) for name, value in valid.items()},
    }
    print(json.dumps(line), flush=True)
    with stem.with_name(stem.name + ".log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")


FILE_SEPARATOR = "<|file_sep|>"


class CodeTask:
    """Next-token prediction on windows of source text; the last part of a run reads longer ones."""

    def __init__(self, options):
        vocabulary = json.loads((options.work / "code.bpe.json").read_text())
        self.stream = Stream(options.work / "code.train.ids", vocabulary["special"][FILE_SEPARATOR])
        self.valid = Stream(options.work / "code.valid.ids")
        self.tokens, self.time, self.long_time = options.batch, options.time, options.long_time
        self.long_from, self.device = options.long_from, options.device
        self.random = np.random.default_rng(SEED)

    def batches(self, share):
        while True:
            long = share() >= self.long_from
            yield self.stream.batch(self.random, self.tokens, self.long_time if long else self.time)

    def backward(self, decoder: Decoder, batch: Batch) -> float:
        return backward(decoder, batch.to(self.device))

    def validate(self, decoder: Decoder) -> dict[str, float]:
        losses = [
            decoder.loss(*_fields(batch.to(self.device)))[1].float().mean().item()
            for batch in self.valid.held_out(VALID_WINDOWS, self.time)
        ]
        return {"valid": float(np.mean(losses))}


VALID_WINDOWS = 64


class QuestionTask:
    """Prediction of a question after its unit; validation compares with no unit and with a wrong one."""

    def __init__(self, options):
        self.questions = Questions(options.work / "questions.train")
        self.valid = Questions(options.work / "questions.valid")
        self.tokens, self.device = options.batch, options.device
        self.contrast_from = options.contrast_from
        self.random = np.random.default_rng(SEED)

    def batches(self, share):
        """Plain batches, then plain ones and contrasts by turns."""
        while True:
            for batch in self.questions.epoch(self.random, self.tokens):
                yield batch
                if share() >= self.contrast_from:
                    yield self.questions.contrast(self.random, self.tokens)

    def backward(self, decoder: Decoder, batch: Batch | tuple[Batch, int]) -> float:
        if isinstance(batch, Batch):
            return backward(decoder, batch.to(self.device))
        contrast, size = batch
        return self._backward_contrast(decoder, contrast.to(self.device), size)

    def _backward_contrast(self, decoder: Decoder, batch: Batch, size: int) -> float:
        """Cross-entropy over which of a group's units is the question's own, by its log-likelihood after each.

        Its gradient with respect to the log-likelihoods is softmax − own, which goes into a weighted likelihood loss;
        own units also get the plain loss, so that the model stays a language model.
        """
        with torch.no_grad():
            losses = decoder.loss(*_fields(batch))[1].float()
        sequences = batch.rows // batch.ids.shape[1]
        count = batch.ids.shape[0]
        totals = torch.zeros(count, device=losses.device).index_add_(0, sequences, losses).view(-1, size)
        guesses = (-totals / CONTRAST_TEMPERATURE).softmax(1)
        own = torch.zeros_like(guesses)
        own[:, 0] = 1
        # Both per token, so that neither drowns the other in the optimiser's momentum.
        per_token = size / len(losses)
        pull = (own - guesses) / CONTRAST_TEMPERATURE * per_token
        plain = own * (PLAIN_WEIGHT * per_token)
        weights = (pull + plain).view(-1)[sequences]
        backward(decoder, Batch(batch.ids, batch.rows, batch.targets, weights, batch.tokens))
        return losses.mean().item()

    def validate(self, decoder: Decoder) -> dict[str, float]:
        """Nats per question token; gain of the right unit over none, and over another of its repository, in nats."""
        valid = self.valid
        members = np.arange(min(VALID_QUESTIONS, len(valid)))
        wrong = self._others(members)
        right = self._question_losses(decoder, members, members)
        other = self._question_losses(decoder, wrong, members)
        none = self._question_losses(decoder, None, members)
        tokens = float(sum(valid.lengths[m] - valid.starts[m] for m in members))
        return {
            "valid": float(right.sum() / tokens),
            "gain": float((none - right).mean()),
            "gain_wrong": float((none - other).mean()),
            "right_first": float((right < other).mean()),
        }

    def _others(self, members):
        """For each sequence another of the same repository, always the same one."""
        random = np.random.default_rng(SEED)
        repositories = self.valid.repositories
        return np.array([random.choice(np.flatnonzero(repositories == repositories[m])) for m in members])

    def _question_losses(self, decoder: Decoder, units, questions) -> np.ndarray:
        """Nats of each question after the unit of the sequence at the same place of `units`, or after nothing."""
        valid, losses = self.valid, np.zeros(len(questions))
        for first in range(0, len(questions), 64):
            sequences, starts = [], []
            for i in range(first, min(first + 64, len(questions))):
                unit = valid.unit(questions[i])[:1] if units is None else valid.unit(units[i])
                sequences.append(np.concatenate([unit, valid.question(questions[i])]))
                starts.append(len(unit) + 1)
            batch = question_batch(sequences, starts, None).to(self.device)
            each = decoder.loss(*_fields(batch))[1].float().cpu().numpy()
            rows = batch.rows.cpu().numpy() // batch.ids.shape[1]
            np.add.at(losses, first + rows, each)
        return losses


VALID_QUESTIONS = 200
CONTRAST_TEMPERATURE = 2.0
"""Divides nats of whole questions, which differ by ten and more between a right and a wrong unit."""
PLAIN_WEIGHT = 1.0
NO_CONTRAST = 2.0
"""Beyond a run's end: the one run with contrasts ranked worse than without (see README.md)."""


def backward(decoder: Decoder, batch: Batch) -> float:
    """Adds the gradients of one batch; returns its loss."""
    loss, _ = decoder.loss(*_fields(batch))
    loss.backward()
    return loss.item()


def open_run(options, stem: Path) -> tuple[Decoder, Optimizer, Progress]:
    level = stem.with_name(stem.name + ".level.pt")
    if level.exists() and not options.fresh:
        saved = torch.load(level, map_location="cpu")
        decoder = Decoder(Shape(**saved["shape"]))
        decoder.load_state_dict(saved["weights"])
        optimizer = Optimizer(decoder, options.matrix_rate, options.vector_rate)
        optimizer.load_state_dict(saved["optimizer"])
        return decoder, optimizer, Progress(**saved["progress"])
    shape = SHAPES[options.name]
    decoder = read_decoder(options.start, shape.kv_heads) if options.start else Decoder(shape)
    return decoder, Optimizer(decoder, options.matrix_rate, options.vector_rate), Progress()


def save(file: Path, decoder: Decoder, optimizer: Optimizer, progress: Progress) -> None:
    part = file.with_suffix(".part")
    state = {
        "shape": decoder.shape.as_dict(),
        "weights": decoder.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": vars(progress),
    }
    torch.save(state, part)
    os.replace(part, file)


def _fields(batch: Batch):
    return batch.ids, batch.rows, batch.targets, batch.weights


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(SHAPES))
    parser.add_argument("--work", type=Path, default=Path(".cache/training"))
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--start", type=Path, help="GGUF file whose weights are continued")
    parser.add_argument("--fresh", action="store_true", help="do not continue an earlier run")
    parser.add_argument("--seed", type=int, default=SEED, help="another one where --start continues what this data made")
    parser.add_argument("--batch", type=int, default=8192, help="tokens per step")
    parser.add_argument("--time", type=int, default=512, help="tokens per window of source text")
    parser.add_argument("--long-time", type=int, default=2048, help="the same in the last part of the run")
    parser.add_argument("--long-from", type=float, default=0.5, help="share of the run after which that part begins")
    parser.add_argument("--decay", type=float, default=DECAY_SHARE, help="share of the run with falling rates")
    parser.add_argument(
        "--contrast-from", type=float, default=NO_CONTRAST, help="share of the run after which contrasts begin"
    )
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--vector-rate", type=float, default=0.003)
    options = parser.parse_args()
    options.task = "code" if options.name.startswith("code") else "likelihood"
    return options


if __name__ == "__main__":
    main()
