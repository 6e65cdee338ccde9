"""The static table's file and encoder, and the packing of pairs. Needs NumPy; the last case also PyTorch."""

import json
import math
import struct
import tempfile
import unittest
import zlib
from pathlib import Path

import numpy as np

from static_file import (
    Encoder,
    StaticTable,
    gram_buckets,
    parse_table,
    quantise,
    read_table,
    split_words,
    table_bytes,
    write_table,
)
from static_pairs import CODE, DOC, KINDS, NAME, OWN, PATH, Entries, WordIds, pack, question_entries, unit_entries, vocabulary

try:
    import torch
except ImportError:
    torch = None


def small_table(**changes) -> StaticTable:
    """`go` and `up` have two letters and so no n-grams; every n-gram of longer words is (1, 1)."""
    values = {
        "words": ["go", "up"],
        "rows": np.array([[1, 0], [0, 2]], np.float32),
        "grams": np.array([[1, 1]], np.float32),
        "code_weights": np.array([1, 2], np.float32),
        "question_weights": np.array([3, 4], np.float32),
        "unknown_code": 3.0,
        "unknown_question": 4.0,
        "field_weights": {"path": 1.0, "name": 2.0, "code": 1.0, "doc": 0.5},
    }
    return StaticTable(**{**values, **changes})


def random_table(words: list[str], buckets: int = 7, dimensions: int = 5) -> StaticTable:
    random = np.random.default_rng(3)
    return small_table(
        words=words,
        rows=random.normal(size=(len(words), dimensions)).astype(np.float32),
        grams=random.normal(size=(buckets, dimensions)).astype(np.float32),
        code_weights=random.uniform(0.1, 2, len(words)).astype(np.float32),
        question_weights=random.uniform(0.1, 2, len(words)).astype(np.float32),
    )


def line(**changes) -> str:
    pair = {
        "language": "go",
        "path": ["net", "retry", "go"],
        "name": ["client", "retry"],
        "own": ["retry"],
        "rest": ["waits", "then", "waits"],
        "code": ["retry", "request", "request"],
        "question": ["tries", "again"],
        "text": "Tries again.",
        "kind": "sentence",
    }
    return json.dumps({**pair, **changes})


def unit(vector: list[float]) -> np.ndarray:
    return np.array(vector) / math.hypot(*vector)


class File(unittest.TestCase):
    def test_gives_back_what_it_was_given_to_the_precision_of_its_levels(self):
        table = random_table(["alpha", "beta"])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "deeper" / "static.bin"
            size = write_table(path, table)
            self.assertEqual(path.stat().st_size, size)
            self.assertEqual([entry.name for entry in path.parent.iterdir()], ["static.bin"])
            read = read_table(path)
        self.assertEqual(list(read.words), ["alpha", "beta"])
        for mine, theirs in ((table.rows, read.rows), (table.grams, read.grams)):
            self.assertLessEqual(np.abs(mine - theirs).max(), np.abs(mine).max() / 127 / 2 + 1e-6)
        np.testing.assert_array_equal(read.code_weights, table.code_weights)
        np.testing.assert_array_equal(read.question_weights, table.question_weights)
        self.assertEqual(read.field_weights, table.field_weights)
        self.assertEqual((read.unknown_code, read.unknown_question), (3.0, 4.0))

    def test_has_its_parts_in_the_order_of_the_format(self):
        content = table_bytes(small_table())
        start = 4 + struct.unpack("<I", content[:4])[0]
        self.assertEqual(json.loads(content[4:start])["dim"], 2)
        self.assertEqual(list(content[start : start + 6]), [127, 0, 0, 127, 127, 127])
        floats = struct.unpack("<7f", content[start + 6 :])
        np.testing.assert_allclose(floats, [1 / 127, 2 / 127, 1 / 127, 1, 2, 3, 4], rtol=1e-6)

    def test_is_refused_when_it_is_cut_off_too_long_or_something_else(self):
        content = table_bytes(small_table())
        other = content.replace(b"codeB1", b"codeB2")
        for broken in (b"", content[:3], content[:20], content[:-1], content + b"\0", other, b"<html>proxy error</html>"):
            with self.assertRaises(ValueError):
                parse_table(broken)

    def test_keeps_rows_of_zeros_and_uses_all_levels(self):
        values, scales = quantise(np.array([[0, 0], [-0.5, 0.25], [3e-9, 0]], np.float32))
        self.assertEqual(values.tolist(), [[0, 0], [-127, 64], [127, 0]])
        self.assertEqual(scales[0], 0)


    def test_carries_a_sample_of_what_it_gives_after_rounding(self):
        content = table_bytes(random_table(["failed", "request", "retry", "http"]))
        sample = json.loads(content[4 : 4 + struct.unpack("<I", content[:4])[0]])["sample"]
        encoder = Encoder(parse_table(content))
        question = encoder.question(split_words(sample["question"]))
        unit = encoder.unit(**{field: split_words(text) for field, text in sample["unit"].items()})
        np.testing.assert_allclose(sample["question_vector"], question[:4], atol=1e-6)
        np.testing.assert_allclose(sample["unit_vector"], unit[:4], atol=1e-6)
        self.assertAlmostEqual(sample["closeness"], float(question @ unit), places=5)


class Encoding(unittest.TestCase):
    def test_words_are_split_as_in_scorer_text(self):
        expected = ["parse", "http", "header", "2", "x", "y", "max"]
        self.assertEqual(split_words("parseHTTPHeader2(x_y) MAX " + "a" * 25), expected)

    def test_n_grams_are_hashed_with_ends_marked(self):
        grams = ["<go", "goo", "oo>", "<goo", "goo>", "<goo>"]
        self.assertEqual(sorted(gram_buckets("goo", 1000)), sorted(zlib.crc32(gram.encode()) % 1000 for gram in grams))
        self.assertEqual(gram_buckets("up", 1000), [])

    def test_sums_a_question_with_its_weights_and_unknown_words_with_theirs(self):
        encoder = Encoder(small_table())
        np.testing.assert_allclose(encoder.question(["go", "up", "up"]), unit([3, 16]), rtol=1e-6)
        np.testing.assert_allclose(encoder.question(["go", "zyx"]), unit([7, 4]), rtol=1e-6)
        self.assertEqual(encoder.question(["zz"]).tolist(), [0, 0])

    def test_counts_a_units_words_once_per_field_and_in_code_logarithmically(self):
        words = {"path": ["go", "go"], "name": ["up"], "doc": ["go", "go"], "code": ["up", "up", "up", "go"]}
        expected = unit([1 + 0.5 + 1, 2 * (4 + 2 * (1 + math.log(3)))])
        np.testing.assert_allclose(Encoder(small_table()).unit(**words), expected, rtol=1e-6)


class Packing(unittest.TestCase):
    def packed(self):
        ids = WordIds()
        lines = [line(), line(question=["client", "retry"], kind="name"), line(code=["close"], rest=[])]
        other = [line(path=["net", "retry", "go"], code=["dial"], question=["tries", "again"])]
        return pack([("a/b", lines), ("c/d", other)], ids), ids

    def test_gives_units_their_files_and_questions_their_units(self):
        pairs, _ = self.packed()
        self.assertEqual(pairs.unit_file.tolist(), [0, 0, 1])
        self.assertEqual(pairs.unit_repository.tolist(), [0, 0, 1])
        self.assertEqual(pairs.pair_unit.tolist(), [0, 0, 1, 2])
        self.assertEqual([KINDS[kind] for kind in pairs.pair_kind], ["sentence", "name", "sentence", "sentence"])
        self.assertEqual(pairs.question_number.tolist(), [0, 1, 0, 0])

    def entries(self, hidden: bool, shown: bool) -> list[tuple[str, int, float]]:
        pairs, ids = self.packed()
        flags = {"name_hidden": np.array([False, hidden]), "rest_shown": np.array([False, shown])}
        entries = unit_entries(pairs, np.array([3, 0]), **flags)
        self.assertEqual(sorted(entries.places.tolist()), entries.places.tolist())
        second = entries.kept(entries.places == 1)
        words = [ids.words[number] for number in second.words]
        return [*zip(words, second.fields.tolist(), np.round(second.factors.astype(float), 3).tolist(), strict=True)]

    def test_shows_path_name_and_code(self):
        twice = round(1 + math.log(2), 3)
        path = [("net", PATH, 1.0), ("retry", PATH, 1.0), ("go", PATH, 1.0)]
        name, code = [("client", NAME, 1.0), ("retry", NAME, 1.0)], [("retry", CODE, 1.0), ("request", CODE, twice)]
        self.assertEqual(self.entries(hidden=False, shown=False), path + name + code)

    def test_hides_the_own_name_but_in_the_path_and_adds_the_documentation(self):
        entries = self.entries(hidden=True, shown=True)
        self.assertEqual([field for word, field, _ in entries if word == "retry"], [PATH])
        self.assertEqual([word for word, field, _ in entries if field == DOC], ["waits", "then"])

    def test_gives_questions_word_by_word(self):
        pairs, ids = self.packed()
        entries = question_entries(pairs, np.array([1, 0]))
        self.assertEqual([ids.words[number] for number in entries.words], ["client", "retry", "tries", "again"])
        self.assertEqual(entries.places.tolist(), [0, 0, 1, 1])

    def test_the_vocabulary_is_of_words_that_several_repositories_use(self):
        pairs, ids = self.packed()
        chosen, frequency = vocabulary(pairs, len(ids.words), 100)
        words = [ids.words[number] for number in chosen]
        self.assertIn("tries", words)
        self.assertNotIn("close", words)
        self.assertEqual(words[0], "retry")
        self.assertEqual(frequency[ids.of("again")], 3)
        self.assertEqual(len(vocabulary(pairs, len(ids.words), 2)[0]), 2)

    def test_long_repetitions_stay_countable(self):
        pairs = pack([("a/b", [line(code=["go"] * 400)])], WordIds())
        self.assertLessEqual(int(pairs.unit_counts.max()), 250)

    def test_an_unknown_kind_of_question_is_refused(self):
        with self.assertRaises(ValueError):
            pack([("a/b", [line(kind="rumour")])], WordIds())


@unittest.skipUnless(torch, "PyTorch is not installed")
class Model(unittest.TestCase):
    def test_gives_the_vectors_of_the_table_that_it_becomes(self):
        from static_model import StaticModel, Words

        ids = WordIds()
        pairs = pack([("a/b", [line(), line(code=["dial", "dial", "retry"], question=["zyx", "retry"])])], ids)
        table = random_table(["retry", "go", "tries"])
        model = StaticModel(3, 7, 5)
        model.begin_with(table)
        both, no = np.array([0, 1]), np.zeros(2, bool)
        units = unit_entries(pairs, both, name_hidden=no, rest_shown=np.array([True, False]))
        with torch.no_grad():
            vectors, questions = model(units, question_entries(pairs, both), Words.of(ids.words, table.words, 7))
        encoder = Encoder(table)
        shared = {"path": ["net", "retry", "go"], "name": ["client", "retry"]}
        expected = [
            encoder.unit(**shared, code=["retry", "request", "request"], doc=["waits", "then", "waits"]),
            encoder.unit(**shared, code=["dial", "dial", "retry"]),
        ]
        np.testing.assert_allclose(vectors.numpy(), expected, atol=1e-5)
        asked = [encoder.question(["tries", "again"]), encoder.question(["zyx", "retry"])]
        np.testing.assert_allclose(questions.numpy(), asked, atol=1e-5)
        again = model.table(table.words)
        np.testing.assert_allclose(again.rows, table.rows, atol=1e-6)
        np.testing.assert_allclose(again.question_weights, table.question_weights, rtol=1e-5)

    def test_words_of_the_same_units_begin_close_together(self):
        from static_meanings import word_vectors
        from static_model import Words

        ids = WordIds()
        themes = (["socket", "connect", "port"], ["paint", "color", "brush"])
        random = np.random.default_rng(5)
        code = [list(random.permutation(theme)[:2]) for theme in themes for _ in range(30)]
        shared = {"path": [], "name": [], "own": [], "rest": [], "question": ["the"]}
        pairs = pack([("a/b", [line(code=words, **shared) for words in code])], ids)
        rows = Words.of(ids.words, ids.words, 7).rows
        vectors = word_vectors(pairs, rows, len(ids.words), 4).numpy()
        self.assertEqual(vectors.shape, (len(ids.words), 4))
        closeness = vectors @ vectors.T
        near, far = closeness[ids.of("socket"), ids.of("port")], closeness[ids.of("socket"), ids.of("paint")]
        self.assertGreater(near, far + 0.5)

    def test_files_are_ranked_by_their_best_unit_or_by_the_other_units(self):
        from static_validation import Case, file_ranks, theme_ranks

        # Units 0 and 1 are asked for; 0 and 2 are of one file, 1 and 3 of the other.
        texts = Entries.plain(np.zeros(0, np.int32), np.zeros(0, np.int64), 0)
        lexical = np.array([[3, 0, 0, 1], [0, 3, 0, 0]], np.float32)
        case = Case("file", texts, texts, lexical, np.array([7, 8, 7, 8]), np.array([0, 1]))
        units = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
        questions = np.array([[1, 0], [0, 1]], np.float32)
        self.assertEqual(file_ranks(case, units, questions)["words"].tolist(), [1, 1])
        # Without the own unit, the other file's units are the closest.
        self.assertEqual(theme_ranks(case, units, questions)["table"].tolist(), [0.5, 0.5])
        self.assertEqual(theme_ranks(case, units, questions)["words"].tolist(), [0.5, 1 / 1.5])

    def test_a_files_loss_leaves_out_the_unit_that_was_asked_for(self):
        from static_losses import file_loss

        units = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
        files = torch.tensor([0, 0, 1])
        scale = torch.tensor(10.0)
        towards = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
        away = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
        self.assertLess(float(file_loss(units, towards, scale, files)), float(file_loss(units, away, scale, files)))
        self.assertEqual(float(file_loss(units, towards, scale, torch.tensor([0, 1, 2]))), 0)


if __name__ == "__main__":
    unittest.main()
