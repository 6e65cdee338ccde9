"""Model files of a Decoder: names and layouts of llama.cpp's llama architecture, and back."""

import json
from pathlib import Path

import numpy as np
import torch

import kernels
from decoder import Decoder, Shape
from gguf_file import read_gguf, write_gguf

FILE_TYPES = {"f32": 0, "f16": 1, "q8_0": 7}
NORMAL_TOKEN, CONTROL_TOKEN = 1, 3
FILL_IN_KEY = "precis.fill_in"
"""Says that fill-in prompts of this model hold the suffix before the prefix; other models with such tokens do not."""


def write_decoder(file: Path, decoder: Decoder, vocabulary: Path, name: str, matrices: str = "f16") -> None:
    """Writes weights and vocabulary (a *.bpe.json of bpe.ts) as one GGUF file."""
    shape, words = decoder.shape, json.loads(vocabulary.read_text())
    if len(words["tokens"]) != shape.words:
        raise ValueError(f"{vocabulary} has {len(words['tokens'])} tokens, the decoder {shape.words}")
    fields = {
        "general.architecture": "llama",
        "general.name": name,
        "general.license": "mit",
        "general.file_type": FILE_TYPES[matrices],
        "llama.context_length": shape.context,
        "llama.embedding_length": shape.width,
        "llama.block_count": shape.layers,
        "llama.feed_forward_length": shape.inner,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.kv_heads,
        "llama.rope.dimension_count": shape.head_width,
        "llama.rope.freq_base": float(shape.rope_base),
        "llama.attention.layer_norm_rms_epsilon": kernels.EPSILON,
        "llama.vocab_size": shape.words,
    }
    write_gguf(file, fields | _vocabulary_fields(words), _tensors(decoder), matrices)


def read_decoder(file: Path, kv_heads: int | None = None) -> Decoder:
    """The decoder of a GGUF file. With fewer `kv_heads` than it has, neighbouring heads are averaged (2305.13245)."""
    fields, tensors = read_gguf(file)
    has_heads = fields["llama.attention.head_count_kv"]
    shape = Shape(
        words=fields["llama.vocab_size"],
        width=fields["llama.embedding_length"],
        layers=fields["llama.block_count"],
        heads=fields["llama.attention.head_count"],
        kv_heads=kv_heads or has_heads,
        inner=fields["llama.feed_forward_length"],
        context=fields["llama.context_length"],
        rope_base=fields["llama.rope.freq_base"],
    )
    decoder = Decoder(shape)

    def pooled(matrix: np.ndarray) -> np.ndarray:
        heads = matrix.reshape(shape.kv_heads, has_heads // shape.kv_heads, shape.head_width, shape.width)
        return heads.mean(1).reshape(-1, shape.width)

    with torch.no_grad():
        decoder.words.copy_(torch.from_numpy(tensors["token_embd.weight"]))
        decoder.norm.copy_(torch.from_numpy(tensors["output_norm.weight"]))
        for index, layer in enumerate(decoder.layers):
            at = lambda part: tensors[f"blk.{index}.{part}.weight"]  # noqa: E731, B023
            packed = np.concatenate([at("attn_q"), pooled(at("attn_k")), pooled(at("attn_v"))])
            layer.attention_norm.copy_(torch.from_numpy(at("attn_norm")))
            layer.feed_norm.copy_(torch.from_numpy(at("ffn_norm")))
            layer.packed.copy_(torch.from_numpy(packed.T.copy()))
            layer.merge.copy_(torch.from_numpy(at("attn_output").T.copy()))
            layer.gate_up.copy_(torch.from_numpy(np.concatenate([at("ffn_gate"), at("ffn_up")]).T.copy()))
            layer.down.copy_(torch.from_numpy(at("ffn_down").T.copy()))
    return decoder


def _tensors(decoder: Decoder) -> dict[str, np.ndarray]:
    shape = decoder.shape
    array = lambda parameter: parameter.detach().float().cpu().numpy()  # noqa: E731
    tensors = {"token_embd.weight": array(decoder.words), "output_norm.weight": array(decoder.norm)}
    kv = shape.kv_heads * shape.head_width
    for index, layer in enumerate(decoder.layers):
        q, k, v = np.split(array(layer.packed).T, [shape.width, shape.width + kv])
        gate, up = np.split(array(layer.gate_up).T, 2)
        parts = {
            "attn_norm": array(layer.attention_norm),
            "ffn_norm": array(layer.feed_norm),
            "attn_q": q,
            "attn_k": k,
            "attn_v": v,
            "attn_output": array(layer.merge).T,
            "ffn_gate": gate,
            "ffn_up": up,
            "ffn_down": array(layer.down).T,
        }
        tensors |= {f"blk.{index}.{part}.weight": np.ascontiguousarray(value) for part, value in parts.items()}
    return tensors


def _vocabulary_fields(words: dict) -> dict:
    special = words["special"]
    control = set(special.values())
    fields = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": words["pretokenizer"],
        "tokenizer.ggml.tokens": words["tokens"],
        "tokenizer.ggml.token_type": [CONTROL_TOKEN if i in control else NORMAL_TOKEN for i in range(len(words["tokens"]))],
        "tokenizer.ggml.merges": words["merges"],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_eos_token": False,
    }
    # Without an end token of its own, a text's end serves for both, as in other code models.
    ids = {
        "bos": special.get("<|bos|>", special.get("<|endoftext|>")),
        "eos": special.get("<|eos|>", special.get("<|endoftext|>")),
        "fim_pre": special.get("<|fim_prefix|>"),
        "fim_suf": special.get("<|fim_suffix|>"),
        "fim_mid": special.get("<|fim_middle|>"),
        "fim_sep": special.get("<|file_sep|>"),
    }
    if "<|fim_middle|>" in special:
        # What follows the hole comes first, and the hole after what stands before it (see codeDocuments.ts).
        fields[FILL_IN_KEY] = "suffix-first"
    return fields | {f"tokenizer.ggml.{key}_token_id": value for key, value in ids.items() if value is not None}
