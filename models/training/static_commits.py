"""Commits as questions about files: the subject of a commit asks for the files that it changed.

Reads <work>/commits/<owner>+<name>.jsonl (see commits.ts): {"question": [words], "paths": [[path words of a file], …]}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from static_pairs import Entries, FileNumbers, Pairs, WordIds, rows_of, unit_entries

#: Repositories that a batch is of: the other files of a repository are the hard ones.
REPOSITORIES_PER_BATCH = 4
UNITS_PER_FILE = 6
#: Commits of a repository that count when repositories are drawn; more of them do not make it likelier.
COUNTED_COMMITS = 1000


@dataclass(frozen=True)
class Commits:
    """C commits: the words of their subjects, the numbers of their files (those of `Pairs`), their repositories [C]."""

    question_words: np.ndarray
    question_offsets: np.ndarray
    files: np.ndarray
    file_offsets: np.ndarray
    repository: np.ndarray


def pack_commits(repositories: Iterable[tuple[str, Iterable[str]]], numbers: FileNumbers, ids: WordIds) -> Commits:
    """Packs the JSON lines of repositories, with the commits that changed a file which has units."""
    words, word_offsets, files, file_offsets, repository = [], [0], [], [0], []
    for place, (name, lines) in enumerate(repositories):
        for line in lines:
            commit = json.loads(line)
            known = {numbers.get((name, tuple(path))) for path in commit["paths"]} - {None}
            if not known:
                continue
            words.extend(ids.of(word) for word in commit["question"])
            word_offsets.append(len(words))
            files.extend(sorted(known))
            file_offsets.append(len(files))
            repository.append(place)
    return Commits(
        question_words=np.array(words, np.int32),
        question_offsets=np.array(word_offsets, np.int64),
        files=np.array(files, np.int32),
        file_offsets=np.array(file_offsets, np.int64),
        repository=np.array(repository, np.int32),
    )


@dataclass(frozen=True)
class CommitBatch:
    """N questions and F files, of each some units."""

    questions: Entries
    units: Entries
    #: int64 [units]: the place of each unit's file, from 0 to F - 1.
    file_of_unit: np.ndarray
    #: int64 [N]: the place of each question's file.
    right: np.ndarray
    #: bool [N, F]: other files of the same commit.
    also_right: np.ndarray


class CommitBatches:
    """Draws batches of commits."""

    def __init__(self, commits: Commits, pairs: Pairs, size: int, random: np.random.Generator) -> None:
        self._commits, self._pairs, self._random = commits, pairs, random
        self._each = size // REPOSITORIES_PER_BATCH
        self._first_pairs = np.flatnonzero(np.diff(pairs.pair_unit, prepend=-1))
        self._by_file = np.argsort(pairs.unit_file, kind="stable")
        self._file_starts = np.searchsorted(pairs.unit_file[self._by_file], np.arange(pairs.unit_file.max() + 2))
        counts = np.minimum(np.bincount(commits.repository), COUNTED_COMMITS)
        self._shares = counts / counts.sum()

    def draw(self) -> CommitBatch:
        chosen = self._commits_of_some_repositories()
        first, counts = self._commits.file_offsets[chosen], np.diff(self._commits.file_offsets)[chosen]
        own = self._commits.files[first + self._random.integers(0, counts)]
        files, right = np.unique(own, return_inverse=True)
        positions, places = rows_of(self._commits.file_offsets, chosen)
        also = np.zeros((len(chosen), len(files)), bool)
        found = np.searchsorted(files, self._commits.files[positions]).clip(max=len(files) - 1)
        is_in_batch = files[found] == self._commits.files[positions]
        also[places[is_in_batch], found[is_in_batch]] = True
        also[np.arange(len(chosen)), right] = False
        units, file_of_unit = self._units(files)
        word_positions, word_places = rows_of(self._commits.question_offsets, chosen)
        questions = Entries.plain(self._commits.question_words[word_positions], word_places, len(chosen))
        return CommitBatch(questions, self._entries(units), file_of_unit, right, also)

    def _commits_of_some_repositories(self) -> np.ndarray:
        usable = min(REPOSITORIES_PER_BATCH, int((self._shares > 0).sum()))
        drawn = self._random.choice(len(self._shares), usable, replace=False, p=self._shares)
        parts = []
        for repository in drawn:
            start, end = np.searchsorted(self._commits.repository, [repository, repository + 1])
            count = min(self._each, end - start)
            parts.append(start + self._random.choice(end - start, count, replace=False))
        return np.concatenate(parts)

    def _units(self, files: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Some units of each file, and which file each is of."""
        positions, places = rows_of(self._file_starts, files)
        order = np.lexsort((self._random.random(len(positions)), places))
        rank = np.arange(len(positions)) - np.searchsorted(places, places)
        kept = order[rank < UNITS_PER_FILE]
        return self._by_file[positions[kept]], places[kept]

    def _entries(self, units: np.ndarray) -> Entries:
        """The units with all of their documentation."""
        pairs, everything = self._first_pairs[units], np.ones(len(units), bool)
        return unit_entries(
            self._pairs, pairs, name_hidden=~everything, rest_shown=everything, question_shown=everything
        )
