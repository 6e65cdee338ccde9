"""What the static table's trainer sees of the pairs: batches of them, and noise in their texts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from static_pairs import KINDS, Entries, Pairs, WordIds, unit_entries

#: Shares of what is hidden or shown at random.
NAME_HIDDEN, REST_SHOWN, UNIT_WORDS_DROPPED, QUESTION_WORDS_DROPPED = 0.3, 0.25, 0.25, 0.15
#: How readily a unit's question is of a kind (see KINDS) where it has several.
KIND_WEIGHTS = {"sentence": 1.0, "parameter": 0.3, "heading": 1.0, "name": 0.15}
#: Share of the units that have no question but their name which an epoch visits.
NAME_ONLY_SHARE = 0.3
#: People ask in sentences that documentation does not use; their words are to count for little.
OPENINGS = tuple(
    opening.split()
    for opening in (
        "how is", "how are", "how does", "how do", "how can", "where is", "where are", "where does", "what is",
        "what are", "what does", "which", "why is", "why does", "when is", "when does", "how does it work",
        "where is it implemented", "code for", "logic for", "implementation of", "find the", "show me", "explain",
    )
)  # fmt: skip
OPENED = 0.25


class Batches:
    """Endless batches of pairs: numbers of pairs, all of different units."""

    def __init__(self, pairs: Pairs, size: int, random: np.random.Generator) -> None:
        self._pairs, self._size, self._random = pairs, size, random
        weights = np.array([KIND_WEIGHTS[kind] for kind in KINDS])
        self._log_weights = np.log(weights)[pairs.pair_kind]
        self._first_pairs = np.flatnonzero(np.diff(pairs.pair_unit, prepend=-1))
        is_name = (pairs.pair_kind == KINDS.index("name")).astype(np.uint8)
        self._name_only = np.minimum.reduceat(is_name, self._first_pairs).astype(bool)

    @property
    def per_epoch(self) -> int:
        """About how many batches visit each unit once."""
        units = len(self._name_only) - (1 - NAME_ONLY_SHARE) * self._name_only.sum()
        return max(1, int(units // self._size))

    def __iter__(self) -> Iterator[np.ndarray]:
        while True:
            yield from self._epoch()

    def _epoch(self) -> list[np.ndarray]:
        """One question of each unit; half of the units mixed, half by repository and there by file."""
        chosen = self._random.permutation(self._questions())
        middle = len(chosen) // 2
        units = self._pairs.pair_unit[chosen[middle:]]
        files, repositories = self._pairs.unit_file[units], self._pairs.unit_repository[units]
        shuffled = self._random.permutation(int(self._pairs.unit_file.max()) + 1)
        sorted_half = chosen[middle:][np.lexsort((shuffled[files], repositories))]
        batches = [
            half[start : start + self._size]
            for half in (chosen[:middle], sorted_half)
            for start in range(0, max(1, len(half) - self._size + 1), self._size)
        ]
        return [batches[place] for place in self._random.permutation(len(batches))]

    def _questions(self) -> np.ndarray:
        # The greatest of log weight + Gumbel noise is a draw by weight.
        keys = self._log_weights + self._random.gumbel(size=len(self._log_weights))
        greatest = np.maximum.reduceat(keys, self._first_pairs)
        counts = np.diff(np.append(self._first_pairs, len(keys)))
        chosen = np.flatnonzero(keys == np.repeat(greatest, counts))
        return chosen[~self._name_only | (self._random.random(len(chosen)) < NAME_ONLY_SHARE)]


class Noise:
    """What a batch's units and questions show of themselves."""

    def __init__(self, pairs: Pairs, ids: WordIds, random: np.random.Generator) -> None:
        self._pairs, self._random = pairs, random
        self._openings = [np.array([ids.of(word) for word in opening]) for opening in OPENINGS]

    def units(self, chosen: np.ndarray) -> Entries:
        # A name as a question would be found by being copied.
        is_name = self._pairs.pair_kind[chosen] == KINDS.index("name")
        hidden = is_name | (self._random.random(len(chosen)) < NAME_HIDDEN)
        shown = self._random.random(len(chosen)) < REST_SHOWN
        return self.dropped(unit_entries(self._pairs, chosen, name_hidden=hidden, rest_shown=shown))

    def questions(self, entries: Entries) -> Entries:
        """Questions with words dropped, some with an opening."""
        entries = entries.kept(self._random.random(len(entries.words)) >= QUESTION_WORDS_DROPPED)
        opened = np.flatnonzero(self._random.random(entries.texts) < OPENED)
        drawn = [self._openings[number] for number in self._random.integers(0, len(self._openings), len(opened))]
        places = np.concatenate([entries.places, np.repeat(opened, [len(words) for words in drawn])])
        order = np.argsort(places, kind="stable")
        return Entries.plain(np.concatenate([entries.words, *drawn])[order], places[order], entries.texts)

    def dropped(self, entries: Entries) -> Entries:
        return entries.kept(self._random.random(len(entries.words)) >= UNIT_WORDS_DROPPED)
