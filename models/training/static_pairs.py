"""Units and questions as flat arrays of word ids, which is what the static table is trained and validated on.

Reads <work>/pairs/<owner>+<name>.jsonl, one line per unit and question; lines of one unit follow each other.
"""

from __future__ import annotations

import json
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from static_file import CODE_WORDS, DOC_WORDS, FIELDS, NAME_WORDS, PATH_WORDS

KINDS = ("sentence", "parameter", "heading", "name")
#: Added to the field number of words that the unit's own name contains: they are what is hidden with the name.
OWN = 8
PATH, NAME, CODE, DOC = range(len(FIELDS))


class WordIds:
    """Numbers words in the order of their first appearance."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self.words: list[str] = list(words)
        self._ids = {word: number for number, word in enumerate(self.words)}

    def of(self, word: str) -> int:
        known = self._ids.get(word)
        if known is not None:
            return known
        self._ids[word] = len(self.words)
        self.words.append(word)
        return len(self.words) - 1


@dataclass(frozen=True)
class Pairs:
    """U units, P pairs. What has offsets [N + 1] beside it is cut by them: row i is values[offsets[i]:offsets[i + 1]]."""

    #: int32: distinct words of each field of each unit; uint8: field, OWN added; uint8: occurrences (1 but in code).
    unit_words: np.ndarray
    unit_fields: np.ndarray
    unit_counts: np.ndarray
    unit_offsets: np.ndarray
    #: int32 [U]: which file (across repositories) and which repository.
    unit_file: np.ndarray
    unit_repository: np.ndarray
    #: int32 [P], uint8 [P]: the unit and the kind of question, a place in KINDS.
    pair_unit: np.ndarray
    pair_kind: np.ndarray
    #: int32: words of the question; distinct words of the rest of the documentation.
    question_words: np.ndarray
    question_offsets: np.ndarray
    rest_words: np.ndarray
    rest_offsets: np.ndarray
    #: int32 [P]: pairs with the same question have the same number.
    question_number: np.ndarray


def _type_of(name: str) -> str:
    if name.endswith("_offsets"):
        return "q"
    return "B" if name in {"unit_fields", "unit_counts", "pair_kind"} else "i"


#: Number of a file by its repository and the words of its path.
FileNumbers = dict[tuple[str, tuple[str, ...]], int]


def pack(
    repositories: Iterable[tuple[str, Iterable[str]]], ids: WordIds, numbers: FileNumbers | None = None
) -> Pairs:
    """Packs repositories, each a name and its JSON lines, and fills in the numbers of their files. Raises KeyError or
    ValueError for bad lines."""
    numbers = {} if numbers is None else numbers
    values = {field.name: array(_type_of(field.name)) for field in fields(Pairs)}
    for name in ("unit_offsets", "question_offsets", "rest_offsets"):
        values[name].append(0)
    questions: dict[bytes, int] = {}
    for repository, (name, lines) in enumerate(repositories):
        last_unit: tuple[list[str], list[str], list[str]] | None = None
        for line in lines:
            pair = json.loads(line)
            unit = (pair["path"], pair["name"], pair["code"])
            if unit != last_unit:
                last_unit = unit
                number = numbers.setdefault((name, tuple(unit[0])), len(numbers))
                _add_unit(values, pair, ids)
                values["unit_file"].append(number)
                values["unit_repository"].append(repository)
            _add_question(values, pair, ids, questions)
    return Pairs(**{name: np.array(grown, _type_of(name)) for name, grown in values.items()})


def _add_unit(values: dict[str, array], pair: dict, ids: WordIds) -> None:
    own = set(pair["own"])
    texts = (pair["path"][-PATH_WORDS:], pair["name"][-NAME_WORDS:], pair["code"][:CODE_WORDS])
    for field, words in zip((PATH, NAME, CODE), texts, strict=True):
        for word, count in Counter(words).items():
            values["unit_words"].append(ids.of(word))
            values["unit_fields"].append(field + (OWN if word in own and field != PATH else 0))
            values["unit_counts"].append(count if field == CODE else 1)
    values["unit_offsets"].append(len(values["unit_words"]))


def _add_question(values: dict[str, array], pair: dict, ids: WordIds, questions: dict[bytes, int]) -> None:
    words = [ids.of(word) for word in pair["question"]]
    values["question_words"].extend(words)
    values["question_offsets"].append(len(values["question_words"]))
    values["rest_words"].extend(dict.fromkeys(ids.of(word) for word in pair["rest"][:DOC_WORDS]))
    values["rest_offsets"].append(len(values["rest_words"]))
    values["pair_unit"].append(len(values["unit_offsets"]) - 2)
    values["pair_kind"].append(KINDS.index(pair["kind"]))
    values["question_number"].append(questions.setdefault(np.array(words, np.int32).tobytes(), len(questions)))


def rows_of(offsets: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the values of the wanted rows, one row after the other, and for each the place of its row."""
    lengths = offsets[wanted + 1] - offsets[wanted]
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) > 0 else 0
    places = np.repeat(np.arange(len(wanted)), lengths)
    positions = np.arange(total) - np.repeat(ends - lengths - offsets[wanted], lengths)
    return positions, places


@dataclass(frozen=True)
class Entries:
    """Words of B texts in the order of the texts: word id, field and weight-free repetition factor, place of the text."""

    words: np.ndarray
    fields: np.ndarray
    factors: np.ndarray
    places: np.ndarray
    texts: int

    @staticmethod
    def plain(words: np.ndarray, places: np.ndarray, texts: int) -> Entries:
        """Entries without fields, each counting once."""
        return Entries(words, np.zeros(len(words), np.uint8), np.ones(len(words), np.float32), places, texts)

    def then(self, other: Entries) -> Entries:
        """The texts of both, one after the other."""
        both = ((self.words, other.words), (self.fields, other.fields), (self.factors, other.factors))
        words, numbers, factors = (np.concatenate(parts) for parts in both)
        places = np.concatenate([self.places, other.places + self.texts])
        return Entries(words, numbers, factors, places, self.texts + other.texts)

    def kept(self, keep: np.ndarray) -> Entries:
        return Entries(self.words[keep], self.fields[keep], self.factors[keep], self.places[keep], self.texts)


#: 1 + ln(occurrences), by occurrences.
REPETITION = np.array([1.0] + [1 + math.log(count) for count in range(1, 256)], np.float32)


def unit_entries(
    pairs: Pairs,
    chosen: np.ndarray,
    *,
    name_hidden: np.ndarray,
    rest_shown: np.ndarray,
    question_shown: np.ndarray | None = None,
) -> Entries:
    """Words of the units of the chosen pairs [B]. Masks [B] say whose name is hidden, and of whose documentation the
    question and the rest are shown."""
    positions, places = rows_of(pairs.unit_offsets, pairs.pair_unit[chosen])
    flagged = pairs.unit_fields[positions]
    keep = ~((flagged >= OWN) & name_hidden[places])
    positions, places, flagged = positions[keep], places[keep], flagged[keep]
    words, factors = [pairs.unit_words[positions]], [REPETITION[pairs.unit_counts[positions]]]
    numbers, all_places = [flagged & (OWN - 1)], [places]
    shown = [(pairs.rest_words, pairs.rest_offsets, rest_shown)]
    if question_shown is not None:
        # A name as a question is no documentation.
        of_doc = question_shown & (pairs.pair_kind[chosen] != KINDS.index("name"))
        shown.append((pairs.question_words, pairs.question_offsets, of_doc))
    for doc_words, offsets, mask in shown:
        with_doc = np.flatnonzero(mask)
        doc_positions, doc_places = rows_of(offsets, chosen[with_doc])
        words.append(doc_words[doc_positions])
        numbers.append(np.full(len(doc_positions), DOC, np.uint8))
        factors.append(np.ones(len(doc_positions), np.float32))
        all_places.append(with_doc[doc_places])
    places = np.concatenate(all_places)
    order = np.argsort(places, kind="stable")
    columns = (np.concatenate(parts)[order] for parts in (words, numbers, factors))
    return Entries(*columns, places[order], len(chosen))


def question_entries(pairs: Pairs, chosen: np.ndarray) -> Entries:
    """Words of the chosen pairs' questions."""
    positions, places = rows_of(pairs.question_offsets, chosen)
    return Entries.plain(pairs.question_words[positions], places, len(chosen))


def vocabulary(pairs: Pairs, words: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the at most `size` words that most repositories use (ties: the most frequent), at least two, and how often
    each of all `words` words occurs. A word of one repository says little about others."""
    unit_of_question = np.repeat(pairs.pair_unit, np.diff(pairs.question_offsets))
    occurrences = np.concatenate([pairs.unit_words, pairs.question_words])
    repository = np.concatenate(
        [
            np.repeat(pairs.unit_repository, np.diff(pairs.unit_offsets)),
            pairs.unit_repository[unit_of_question],
        ]
    )
    spread = np.zeros(words, np.int64)
    for number in range(int(repository.max(initial=-1)) + 1):
        spread[np.unique(occurrences[repository == number])] += 1
    frequency = np.bincount(occurrences, minlength=words)
    order = np.lexsort((np.arange(words), -frequency, -spread))
    return order[spread[order] >= 2][:size], frequency


def load(work: Path, role: str, ids: WordIds, numbers: FileNumbers | None = None) -> Pairs:
    """Packs the pairs of all repositories of a role, "train" or "heldOut". Raises ValueError where there are none."""
    found = list(recorded(work, "pairs", role))
    if not found:
        raise ValueError(f"no pairs of role {role} below {work}")
    return pack(found, ids, numbers)


def recorded(work: Path, part: str, role: str) -> Iterator[tuple[str, Iterable[str]]]:
    """Name and lines of the repositories of a role that have a file in a part of the work folder, by name."""
    used = json.loads((work / "sources.used.json").read_text(encoding="utf-8"))
    for name in sorted(entry["repository"] for entry in used["repositories"] if entry["role"] == role):
        path = work / part / f"{name.replace('/', '+')}.jsonl"
        if path.exists():
            yield name, _lines(path)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield line
