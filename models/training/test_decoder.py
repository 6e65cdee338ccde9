"""The fused kernels against plain torch, and the model file against the model."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

import kernels
from decoder import Decoder, Shape
from decoder_file import read_decoder, write_decoder
from export_decoder import mean_weights
from gguf_file import read_gguf
from optimizer import Optimizer, orthogonalised, trapezoid

SMALL = Shape(words=96, width=64, layers=2, heads=4, kv_heads=2, inner=96, context=512)


def plain_attention(packed, cosines, sines, shape):
    """Attention written out in full, for any dtype."""
    b, t, h, kv, dim = shape.batch, shape.time, shape.heads, shape.kv_heads, shape.dim
    q, k, v = packed.view(b, t, h + 2 * kv, dim).split((h, kv, kv), dim=2)
    q, k = (rotate(x, cosines[:t], sines[:t]) for x in (q, k))
    k, v = k.repeat_interleave(h // kv, 2), v.repeat_interleave(h // kv, 2)
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / dim**0.5
    scores = scores.masked_fill(torch.ones(t, t).triu(1).bool(), -torch.inf)
    return torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), v).reshape(b * t, h * dim)


def rotate(x, cosines, sines):
    a, b = x[..., 0::2], x[..., 1::2]
    c, s = cosines.to(x.dtype)[None, :, None], sines.to(x.dtype)[None, :, None]
    return torch.stack((a * c - b * s, a * s + b * c), -1).flatten(-2)


class Kernels(unittest.TestCase):
    def check(self, fused, plain, *inputs):
        """Same results and gradients, the plain form in double precision."""
        mine = [x.clone().requires_grad_() for x in inputs]
        theirs = [x.double().clone().requires_grad_() for x in inputs]
        a, b = fused(*mine), plain(*theirs)
        torch.testing.assert_close(a.double(), b, rtol=1e-4, atol=1e-4)
        direction = torch.randn_like(a)
        a.backward(direction)
        b.backward(direction.double())
        for x, y in zip(mine, theirs):
            torch.testing.assert_close(x.grad.double(), y.grad, rtol=1e-3, atol=1e-3)

    def test_attention_is_that_written_out_in_full_also_beyond_one_chunk_of_queries(self):
        for time in (7, kernels.QUERY_CHUNK + 9):
            shape = kernels.AttentionShape(batch=2, time=time, heads=4, kv_heads=2, dim=16)
            tables = kernels.rotation_tables(time, 16, 10000.0)
            self.check(
                lambda x: kernels.attention(x, *tables, shape),
                lambda x: plain_attention(x, *tables, shape),
                torch.randn(2 * time, 8 * 16),
            )

    def test_the_norm_adds_before_it_scales(self):
        def plain(x, y, weight):
            total = x + y
            return total * torch.rsqrt(total.square().mean(-1, keepdim=True) + kernels.EPSILON) * weight + total

        def fused(x, y, weight):
            total, out = kernels.add_rms_norm(x, y, weight)
            return out + total

        self.check(fused, plain, torch.randn(5, 32), torch.randn(5, 32), torch.rand(32) + 0.5)

    def test_the_gate_multiplies(self):
        plain = lambda x: torch.nn.functional.silu(x[:, :24]) * x[:, 24:]  # noqa: E731
        self.check(kernels.swiglu, plain, torch.randn(6, 48))

    def test_the_loss_of_more_rows_than_fit_at_once(self):
        rows = kernels.LOGIT_ROWS + 3
        targets, weights = torch.randint(0, 50, (rows,)), torch.rand(rows)
        plain = lambda h, w: (  # noqa: E731
            torch.nn.functional.cross_entropy(h @ w.t(), targets, reduction="none") * weights
        ).sum()
        fused = lambda h, w: kernels.linear_cross_entropy(h, w, targets, weights)[0]  # noqa: E731
        self.check(fused, plain, torch.randn(rows, 16), torch.randn(50, 16))


class Training(unittest.TestCase):
    def test_an_orthogonalised_matrix_has_singular_values_near_one(self):
        values = torch.linalg.svdvals(orthogonalised(torch.randn(3, 24, 40)))
        self.assertTrue(bool(((values > 0.5) & (values < 1.5)).all()), values)

    def test_the_schedule_rises_stays_and_falls(self):
        self.assertAlmostEqual(trapezoid(0, 0, 10, 0.2), 0.1)
        self.assertEqual(trapezoid(99, 0.7, 10, 0.2), 1)
        self.assertAlmostEqual(trapezoid(99, 0.9, 10, 0.2), 0.5)
        self.assertAlmostEqual(trapezoid(99, 1, 10, 0.2), 0.02)

    def test_a_decoder_learns_a_repeated_line(self):
        torch.manual_seed(1)
        decoder = Decoder(SMALL)
        optimizer = Optimizer(decoder, matrix_rate=0.02, vector_rate=0.01)
        ids = torch.randint(0, SMALL.words, (1, 16)).repeat(4, 3)
        rows, targets = torch.arange(4 * 47), ids[:, 1:].reshape(-1)
        weights = torch.full((len(rows),), 1 / len(rows))
        losses = []
        for _ in range(40):
            loss, _ = decoder.loss(ids[:, :-1].contiguous(), rows, targets, weights)
            loss.backward()
            optimizer.step(1.0)
            decoder.zero_grad()
            losses.append(loss.item())
        self.assertLess(losses[-1], 0.3 * losses[0])


class ModelFile(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.vocabulary = Path(self.folder.name) / "vocabulary.json"
        tokens = [chr(0x100 + i) for i in range(SMALL.words)]
        words = {"tokens": tokens, "merges": ["a b"], "special": {"<|endoftext|>": 95}, "pretokenizer": "qwen2"}
        self.vocabulary.write_text(json.dumps(words))
        self.file = Path(self.folder.name) / "model.gguf"

    def test_what_is_written_is_read_back(self):
        decoder = Decoder(SMALL)
        ids = torch.randint(0, SMALL.words, (1, 20))
        for matrices, tolerance in (("f32", 1e-6), ("f16", 2e-3), ("q8_0", 2e-2)):
            write_decoder(self.file, decoder, self.vocabulary, "small", matrices)
            again = read_decoder(self.file)
            self.assertEqual(again.shape, SMALL)
            torch.testing.assert_close(again.hidden(ids), decoder.hidden(ids), rtol=tolerance, atol=10 * tolerance)
        self.assertEqual(read_gguf(self.file)[0]["tokenizer.ggml.eos_token_id"], 95)

    def test_key_heads_are_averaged_when_fewer_are_wanted(self):
        decoder = Decoder(SMALL)
        write_decoder(self.file, decoder, self.vocabulary, "small", "f32")
        pooled = read_decoder(self.file, kv_heads=1)
        dim = SMALL.head_width
        keys = decoder.layers[0].packed[:, SMALL.width : SMALL.width + 2 * dim]
        mine = pooled.layers[0].packed[:, SMALL.width : SMALL.width + dim]
        torch.testing.assert_close(mine, (keys[:, :dim] + keys[:, dim:]) / 2)

    def test_other_files_are_refused(self):
        self.file.write_bytes(b"<html>")
        with self.assertRaises(ValueError):
            read_gguf(self.file)

    def test_a_vocabulary_of_another_size_is_refused(self):
        with self.assertRaises(ValueError):
            write_decoder(self.file, Decoder(Shape(**{**SMALL.as_dict(), "words": 64})), self.vocabulary, "small")


class Averages(unittest.TestCase):
    def test_checkpoints_are_averaged_weight_by_weight(self):
        states = [Decoder(SMALL).state_dict() for _ in range(3)]
        mean = mean_weights(states)
        for name, value in mean.items():
            torch.testing.assert_close(value, sum(state[name] for state in states) / 3)
        Decoder(SMALL).load_state_dict(mean)

    def test_checkpoints_of_different_decoders_are_refused(self):
        other = Decoder(SMALL).state_dict()
        other.popitem()
        with self.assertRaises(ValueError):
            mean_weights([Decoder(SMALL).state_dict(), other])


if __name__ == "__main__":
    np.random.seed(1)
    torch.manual_seed(1)
    unittest.main()
