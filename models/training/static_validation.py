"""How well questions find their units in repositories that were held out: mean reciprocal ranks.

Tasks, all with the units' documentation hidden:
  hidden  among 200 units of the repository, the one that the question is about; all names are hidden too
  shown   the same with names
  file    among the files of up to 1,500 units, its file, by the best unit of each as the engine scores them
  theme   the same by the file's other units alone
  commit  the one file that a commit changed, asked for by its subject; here the documentation is shown
Signals: "words" (BM25), "table", and "both" (their z-scores added).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from static_commits import Commits
from static_model import StaticModel, Words
from static_pairs import KINDS, Entries, Pairs, question_entries, rows_of, unit_entries

UNITS, FILE_UNITS, QUESTIONS, COMMIT_QUESTIONS = 200, 1500, 60, 60
LEAST_QUESTION_WORDS = 4
BM25_K, BM25_B = 1.2, 0.75
TASKS, SIGNALS = ("hidden", "shown", "file", "theme", "commit"), ("words", "table", "both")
#: As in extension/pipeline/staticScores.ts.
FILE_VECTOR_WEIGHT = 0.75


@dataclass(frozen=True)
class Pool:
    """Pairs of one repository, all of different units: those asked first, then the others."""

    chosen: np.ndarray
    asked: int


def pools(pairs: Pairs, seed: int = 4) -> list[Pool]:
    """The same for the same pairs. Repositories with fewer than 20 documented units have none."""
    random = np.random.default_rng(seed)
    found = []
    lengths = np.diff(pairs.question_offsets)
    repository = pairs.unit_repository[pairs.pair_unit]
    usable = (pairs.pair_kind == KINDS.index("sentence")) & (lengths >= LEAST_QUESTION_WORDS)
    for number in range(int(repository.max()) + 1):
        order = random.permutation(np.flatnonzero(repository == number))
        order = order[np.argsort(~usable[order], kind="stable")]
        # One pair per unit and, among those asked, per question.
        order = order[np.sort(np.unique(pairs.pair_unit[order], return_index=True)[1])]
        asked = order[usable[order]]
        asked = asked[np.sort(np.unique(pairs.question_number[asked], return_index=True)[1])][:QUESTIONS]
        if len(asked) < 20:
            continue
        others = order[~np.isin(order, asked)]
        found.append(Pool(np.concatenate([asked, others]), len(asked)))
    return found


@dataclass(frozen=True)
class Case:
    """One task in one repository: the texts, and what BM25 makes of them."""

    task: str
    units: Entries
    questions: Entries
    lexical: np.ndarray
    #: The file of each unit.
    files: np.ndarray
    #: The place of each question's right unit, or for commits of a unit of the right file.
    right: np.ndarray


class Validation:
    """The tasks over held-out pairs and commits; what BM25 gives is computed once."""

    def __init__(self, pairs: Pairs, commits: Commits | None = None) -> None:
        self.cases = [_case(pairs, pool, task) for pool in pools(pairs) for task in TASKS if task != "commit"]
        if commits is not None:
            self.cases.extend(_commit_cases(pairs, commits))

    def measure(self, model: StaticModel, words: Words) -> dict[str, dict[str, float]]:
        """Mean reciprocal rank by task and signal, each repository counting the same."""
        found: dict[str, dict[str, list[float]]] = {}
        for case in self.cases:
            with torch.no_grad():
                units, questions = (vectors.cpu().numpy() for vectors in model(case.units, case.questions, words))
            for signal, ranks in RANKS[case.task](case, units, questions).items():
                if len(ranks) > 0:
                    found.setdefault(case.task, {}).setdefault(signal, []).append(float(ranks.mean()))
        return {
            task: {signal: round(float(np.mean(values)), 4) for signal, values in by_signal.items()}
            for task, by_signal in found.items()
        }


def _case(pairs: Pairs, pool: Pool, task: str) -> Case:
    chosen = pool.chosen[: UNITS if task in ("hidden", "shown") else FILE_UNITS]
    hidden = np.full(len(chosen), task == "hidden")
    units = unit_entries(pairs, chosen, name_hidden=hidden, rest_shown=np.zeros(len(chosen), bool))
    questions = question_entries(pairs, pool.chosen[: pool.asked])
    files = pairs.unit_file[pairs.pair_unit[chosen]]
    return Case(task, units, questions, bm25(units, questions), files, np.arange(pool.asked))


def _commit_cases(pairs: Pairs, commits: Commits, seed: int = 4) -> list[Case]:
    random = np.random.default_rng(seed)
    cases = []
    first_pairs = np.flatnonzero(np.diff(pairs.pair_unit, prepend=-1))
    for repository in np.unique(commits.repository):
        usable = (commits.repository == repository) & (np.diff(commits.file_offsets) == 1)
        if not usable.any():
            continue
        asked = random.permutation(np.flatnonzero(usable))[:COMMIT_QUESTIONS]
        own = commits.files[commits.file_offsets[asked]]
        units_of = np.flatnonzero(pairs.unit_repository == pairs.unit_repository[pairs.unit_file == own[0]][0])
        units_of = random.permutation(units_of)[:FILE_UNITS]
        files = pairs.unit_file[units_of]
        asked, own = asked[np.isin(own, files)], own[np.isin(own, files)]
        shown = np.ones(len(units_of), bool)
        units = unit_entries(
            pairs, first_pairs[units_of], name_hidden=~shown, rest_shown=shown, question_shown=shown
        )
        positions, places = rows_of(commits.question_offsets, asked)
        questions = Entries.plain(commits.question_words[positions], places, len(asked))
        right = np.array([np.flatnonzero(files == file)[0] for file in own], np.int64)
        cases.append(Case("commit", units, questions, bm25(units, questions), files, right))
    return cases


def unit_ranks(case: Case, units: np.ndarray, questions: np.ndarray) -> dict[str, np.ndarray]:
    """Reciprocal ranks of the right units."""
    table = questions @ units.T
    return {signal: reciprocal_ranks(scores, case.right) for signal, scores in signals(case.lexical, table).items()}


def signals(lexical: np.ndarray, table: np.ndarray) -> dict[str, np.ndarray]:
    return {"words": lexical, "table": table, "both": z_scores(lexical) + z_scores(table)}


def bm25(units: Entries, questions: Entries) -> np.ndarray:
    """Scores [questions, units] over all fields as one text."""
    words, places = np.unique(np.concatenate([units.words, questions.words]), return_inverse=True)
    counts = np.zeros((units.texts, len(words)), np.float32)
    # The factor is 1 + ln(occurrences).
    np.add.at(counts, (units.places, places[: len(units.words)]), np.exp(units.factors - 1))
    asked = np.zeros((questions.texts, len(words)), np.float32)
    asked[questions.places, places[len(units.words) :]] = 1
    found = (counts > 0).sum(axis=0)
    rarity = np.log(1 + (units.texts - found + 0.5) / (found + 0.5))
    lengths = counts.sum(axis=1, keepdims=True)
    saturated = counts * (BM25_K + 1) / (counts + BM25_K * (1 - BM25_B + BM25_B * lengths / lengths.mean()))
    return (asked * rarity) @ saturated.T


def z_scores(scores: np.ndarray) -> np.ndarray:
    """Each row with mean 0 and variance 1."""
    return (scores - scores.mean(axis=1, keepdims=True)) / (scores.std(axis=1, keepdims=True) + 1e-9)


def reciprocal_ranks(scores: np.ndarray, right: np.ndarray) -> np.ndarray:
    """1 / rank of the right column of each row; ties count half."""
    own = scores[np.arange(len(scores)), right][:, None]
    ahead = (scores > own).sum(axis=1) + 0.5 * ((scores == own).sum(axis=1) - 1)
    return 1 / (1 + ahead)


def file_ranks(case: Case, units: np.ndarray, questions: np.ndarray) -> dict[str, np.ndarray]:
    """Reciprocal ranks of the right files, each file by the best of its units, whose own closeness counts beside that of
    the whole file."""
    numbers, file_of = np.unique(case.files, return_inverse=True)
    totals = np.zeros((len(numbers), units.shape[1]), np.float32)
    np.add.at(totals, file_of, units)
    totals /= np.linalg.norm(totals, axis=1, keepdims=True) + 1e-9
    table = questions @ units.T + FILE_VECTOR_WEIGHT * (questions @ totals.T)[:, file_of]
    by_file = np.argsort(file_of, kind="stable")
    starts = np.searchsorted(file_of[by_file], np.arange(len(numbers)))
    return {
        signal: reciprocal_ranks(np.maximum.reduceat(scores[:, by_file], starts, axis=1), file_of[case.right])
        for signal, scores in signals(case.lexical, table).items()
    }


def theme_ranks(case: Case, units: np.ndarray, questions: np.ndarray) -> dict[str, np.ndarray]:
    """Reciprocal ranks of the right files, each without the unit that the question is about."""
    numbers, file_of = np.unique(case.files, return_inverse=True)
    member = np.zeros((len(numbers), len(case.files)), np.float32)
    member[file_of, np.arange(len(case.files))] = 1
    totals = member @ units
    ranks: dict[str, list[np.ndarray]] = {signal: [] for signal in SIGNALS}
    for place, unit in enumerate(case.right):
        own = int(file_of[unit])
        if member[own].sum() < 2:
            continue
        without = totals.copy()
        without[own] -= units[unit]
        without /= np.linalg.norm(without, axis=1, keepdims=True) + 1e-9
        others = case.lexical[place].copy()
        others[unit] = -np.inf
        best = np.full(len(numbers), -np.inf)
        np.maximum.at(best, file_of, others)
        # A file that had no other unit is no candidate.
        kept = np.isfinite(best)
        right = np.array([int(kept[:own].sum())])
        for signal, scores in signals(best[None, kept], (without @ questions[place])[None, kept]).items():
            ranks[signal].append(reciprocal_ranks(scores, right))
    return {signal: np.concatenate(values) if values else np.zeros(0) for signal, values in ranks.items()}


RANKS = {
    "hidden": unit_ranks,
    "shown": unit_ranks,
    "file": file_ranks,
    "theme": theme_ranks,
    "commit": file_ranks,
}
