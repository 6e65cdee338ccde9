"""What the trainers are fed: targets follow their ids, questions are learned where they stand, rivals are neighbours."""

import tempfile
import types
import unittest
from pathlib import Path

import numpy as np
import torch

from batches import QUESTION_WEIGHT, Questions, Stream, question_batch
from decoder import Decoder, Shape
from train_decoder import QuestionTask

MARK, END = 90, 91


def write_questions(stem: Path, sequences, repositories, units) -> None:
    """sequences: (unit ids, question ids) without marks."""
    ids, offsets, starts = [], [0], []
    for unit, question in sequences:
        ids += [*unit, MARK, *question, END]
        offsets.append(len(ids))
        starts.append(len(unit) + 1)
    for ending, kind, values in (
        ("ids", "<u2", ids),
        ("offsets", "<u4", offsets),
        ("start", "<u2", starts),
        ("repository", "<u2", repositories),
        ("unit", "<u4", units),
    ):
        np.array(values, kind).tofile(stem.with_name(f"{stem.name}.{ending}"))


class Batches(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        # Ten units of two repositories; unit 3 has two questions.
        units = [0, 1, 2, 3, 3, 5, 6, 7, 8, 9]
        sequences = [([10 + u, 20 + u, 30 + u][: 1 + i % 3], [50 + i, 60 + i]) for i, u in enumerate(units)]
        for name in ("questions.train", "questions.valid"):
            write_questions(self.folder / name, sequences, [0] * 6 + [1] * 4, units)
        self.questions = Questions(self.folder / "questions.train")

    def test_a_window_s_targets_are_its_next_ids(self):
        np.arange(200, dtype="<u2").tofile(self.folder / "code.ids")
        batch = Stream(self.folder / "code.ids").windows([0, 7], 5)
        self.assertEqual(batch.ids.tolist(), [[0, 1, 2, 3, 4], [7, 8, 9, 10, 11]])
        self.assertEqual(batch.targets.tolist(), [1, 2, 3, 4, 5, 8, 9, 10, 11, 12])
        self.assertAlmostEqual(float(batch.weights.sum()), 1.0, places=6)

    def test_a_window_that_falls_into_a_short_document_begins_with_it(self):
        ids = np.full(3000, 1, "<u2")
        ids[[10, 100, 2000]] = MARK
        ids.tofile(self.folder / "code.ids")
        stream = Stream(self.folder / "code.ids", MARK)
        # Before the first document, in a short one, in a long one, in the last one.
        self.assertEqual(stream.snapped(np.array([3, 40, 99, 150, 2500])).tolist(), [3, 10, 10, 150, 2500])

    def test_only_the_question_counts_without_chance(self):
        batch = question_batch([np.array([5, 6, MARK, 7, END]), np.array([5, MARK, 8, END])], [3, 2], None)
        self.assertEqual(batch.targets.tolist(), [7, END, 8, END])
        # Rows are places of the padded batch [2, 4].
        self.assertEqual(batch.rows.tolist(), [2, 3, 5, 6])
        self.assertEqual(batch.weights.tolist(), [1, 1, 1, 1])

    def test_a_question_s_tokens_weigh_more_than_its_unit_s(self):
        batch = question_batch([np.array([5, 6, 5, 6, MARK, 7, END])], [5], np.random.default_rng(1))
        weights = dict(zip(batch.rows.tolist(), batch.weights.tolist()))
        others = [weight for row, weight in weights.items() if row < 4]
        for weight in others:
            self.assertAlmostEqual(weights[5] / weight, QUESTION_WEIGHT, places=4)
        self.assertAlmostEqual(sum(weights.values()), 1.0, places=5)

    def test_an_epoch_has_every_sequence_once(self):
        seen = []
        for batch in self.questions.epoch(np.random.default_rng(2), tokens=12):
            seen += [int(row[0]) for row in batch.ids]
        expected = [int(self.questions.ids[o]) for o in self.questions.offsets[:-1]]
        self.assertEqual(sorted(seen), sorted(expected))

    def test_rivals_are_other_units_of_the_repository_with_the_same_question(self):
        for seed in range(20):
            batch, size = self.questions.contrast(np.random.default_rng(seed), tokens=40)
            self.assertEqual(batch.ids.shape[0] % size, 0)
            targets = batch.targets.reshape(-1, 3)
            for first in range(0, batch.ids.shape[0], size):
                group = targets[first : first + size]
                self.assertTrue(bool((group == group[0]).all()))
                heads = batch.ids[first : first + size, 0].tolist()
                self.assertNotIn(heads[0], heads[1:])
                # Units 0 to 5 are of one repository, 6 to 9 of the other.
                self.assertEqual({head < 16 for head in heads}, {heads[0] < 16})

    def test_a_contrast_makes_the_own_unit_likelier_than_its_rivals(self):
        torch.manual_seed(3)
        task = QuestionTask(types.SimpleNamespace(work=self.folder, batch=200, device="cpu", contrast_from=0))
        decoder = Decoder(Shape(words=96, width=64, layers=1, heads=1, kv_heads=1, inner=96, context=64))
        batch, size = self.questions.contrast(np.random.default_rng(4), tokens=60)

        def lead() -> float:
            with torch.no_grad():
                losses = decoder.loss(batch.ids, batch.rows, batch.targets, batch.weights)[1]
            totals = losses.view(-1, size, 3).sum(2)
            return float((totals[:, 1:].mean(1) - totals[:, 0]).mean())

        before = lead()
        optimizer = torch.optim.SGD(decoder.parameters(), lr=0.5)
        for _ in range(30):
            task.backward(decoder, (batch, size))
            optimizer.step()
            decoder.zero_grad()
        self.assertGreater(lead(), before + 1)


if __name__ == "__main__":
    unittest.main()
