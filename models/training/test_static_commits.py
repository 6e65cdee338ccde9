"""Tests of commits as questions: packing, batches, their loss and their validation."""

import json
import unittest

import numpy as np

from static_commits import CommitBatches, pack_commits
from static_pairs import WordIds, pack

try:
    import torch
except ImportError:
    torch = None


def pair(file, code):
    words = {"path": [file], "name": [code], "own": [code], "rest": ["rest"], "code": [code, "return"]}
    return json.dumps({**words, "question": ["what", code], "text": f"what {code}", "kind": "sentence"})


def commit(question, *files):
    return json.dumps({"question": question, "text": " ".join(question), "paths": [[file] for file in files]})


#: Two repositories, whose files have the same names.
UNITS = [
    ("a/b", [pair("retry", "wait"), pair("retry", "again"), pair("socket", "dial")]),
    ("c/d", [pair("retry", "repeat"), pair("paint", "color"), pair("brush", "stroke")]),
]
COMMITS = [
    ("a/b", [commit(["wait", "longer"], "retry"), commit(["dial", "and", "wait"], "socket", "retry"), commit(["gone"], "old")]),
    ("c/d", [commit(["new", "colors"], "paint", "other"), commit(["repeat", "it"], "retry")]),
]


def packed():
    ids, numbers = WordIds(), {}
    pairs = pack(UNITS, ids, numbers)
    return pairs, pack_commits(COMMITS, numbers, ids), ids


class Packing(unittest.TestCase):
    def test_gives_commits_the_files_of_their_own_repository(self):
        pairs, commits, ids = packed()
        self.assertEqual(commits.repository.tolist(), [0, 0, 1, 1])
        self.assertEqual(commits.file_offsets.tolist(), [0, 1, 3, 4, 5])
        retry, socket, other_retry, paint = (pairs.unit_file[unit] for unit in (0, 2, 3, 4))
        self.assertNotEqual(retry, other_retry)
        self.assertEqual(commits.files.tolist(), [retry, *sorted([retry, socket]), paint, other_retry])
        first = commits.question_words[: commits.question_offsets[1]]
        self.assertEqual([ids.words[word] for word in first], ["wait", "longer"])

    def test_without_commits_there_are_none(self):
        self.assertEqual(len(pack_commits([], {}, WordIds()).repository), 0)


class Drawing(unittest.TestCase):
    def test_asks_for_one_file_of_each_commit_and_knows_the_others(self):
        pairs, commits, _ = packed()
        batches = CommitBatches(commits, pairs, 16, np.random.default_rng(1))
        seen = set()
        for _ in range(20):
            batch = batches.draw()
            self.assertEqual(batch.questions.texts, 4)
            self.assertEqual(batch.also_right.shape, (4, len(np.unique(batch.file_of_unit))))
            self.assertFalse(batch.also_right[np.arange(4), batch.right].any())
            seen.add(int(batch.also_right.sum()))
            self.assertEqual(batch.units.texts, len(batch.file_of_unit))
        # The other file of the commit with two is a candidate, whichever of them is asked for, or not drawn.
        self.assertTrue(seen <= {0, 1} and 1 in seen)

    def test_shows_documentation_and_names(self):
        pairs, commits, ids = packed()
        batch = CommitBatches(commits, pairs, 16, np.random.default_rng(1)).draw()
        words = {ids.words[word] for word in batch.units.words}
        self.assertLessEqual({"what", "rest", "wait", "return"}, words)


@unittest.skipUnless(torch, "PyTorch is not installed")
class Loss(unittest.TestCase):
    def test_is_small_where_questions_point_to_their_files(self):
        from static_losses import commit_loss

        pairs, commits, _ = packed()
        batch = CommitBatches(commits, pairs, 16, np.random.default_rng(1)).draw()
        files = batch.also_right.shape[1]
        units = torch.eye(files)[torch.from_numpy(batch.file_of_unit)]
        scale = torch.tensor(20.0)
        right = torch.eye(files)[torch.from_numpy(batch.right)]
        self.assertLess(float(commit_loss(units, right, scale, batch)), 1e-3)
        self.assertGreater(float(commit_loss(units, right.roll(1, dims=1), scale, batch)), 5)
        # Another file of the same commit is neither right nor wrong.
        also = torch.from_numpy(batch.also_right).float()
        asked = torch.nn.functional.normalize(right + also, dim=1)
        self.assertLess(float(commit_loss(units, asked, scale, batch)), 1e-3)

    def test_validation_asks_commits_of_one_file_for_it(self):
        from static_validation import Validation

        pairs, commits, _ = packed()
        cases = [case for case in Validation(pairs, commits).cases if case.task == "commit"]
        self.assertEqual([case.questions.texts for case in cases], [1, 2])
        for case, expected in zip(cases, ([0], [4, 3]), strict=True):
            asked = sorted(int(case.files[right]) for right in case.right)
            self.assertEqual(asked, sorted(int(pairs.unit_file[unit]) for unit in expected))


if __name__ == "__main__":
    unittest.main()
