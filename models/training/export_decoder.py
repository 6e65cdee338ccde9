"""Makes the model file of a trained decoder, and a sample of its log-probabilities for llama.cpp to agree with.

    python3 export_decoder.py code --work .cache/training --out ../code/code.gguf [--matrices q8_0]
        [--average code.26.9M.pt code.level.pt]   their weights and the trained ones, averaged

Writes W/agreement.<name>.json: {"ids": [...], "logProbabilities": [of ids[i + 1] after ids[: i + 1]]}.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from batches import Questions, Stream
from decoder import SHAPES, Decoder, Shape
from decoder_file import FILE_TYPES, read_decoder, write_decoder

AGREEMENT_TOKENS = 500


def main() -> None:
    options = parse_options()
    saved = torch.load(options.work / f"{options.name}.pt", map_location="cpu")
    decoder = Decoder(Shape(**saved["shape"]))
    others = [torch.load(options.work / name, map_location="cpu")["weights"] for name in options.average]
    decoder.load_state_dict(mean_weights([saved["weights"], *others]))
    code = options.name.startswith("code")
    vocabulary = options.work / ("code.bpe.json" if code else "words.bpe.json")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_decoder(options.out, decoder, vocabulary, f"precis-{options.name}", options.matrices)
    ids = code_sample(options.work) if code else question_sample(options.work)
    agreement = {
        "model": options.out.name,
        "ids": ids.tolist(),
        # Of the weights as they were written: what quantisation costs is a figure of its own.
        "logProbabilities": log_probabilities(read_decoder(options.out), ids),
    }
    (options.work / f"agreement.{options.name}.json").write_text(json.dumps(agreement))
    print(json.dumps({"file": options.out.name, "bytes": options.out.stat().st_size, **saved["progress"]}))


def mean_weights(checkpoints: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of checkpoints of one decoder: where they belong to one training, it is better than any of them
    (Wortsman et al. 2022, "Model soups")."""
    names = checkpoints[0].keys()
    if any(checkpoint.keys() != names for checkpoint in checkpoints):
        raise ValueError("the checkpoints are of different decoders")
    return {name: torch.stack([checkpoint[name] for checkpoint in checkpoints]).mean(0) for name in names}


def log_probabilities(decoder: Decoder, ids: np.ndarray) -> list[float]:
    cut = torch.from_numpy(ids.astype(np.int64))
    rows = torch.arange(len(ids) - 1)
    with torch.no_grad():
        _, losses = decoder.loss(cut[None, :-1].contiguous(), rows, cut[1:].contiguous(), torch.ones(len(rows)))
    return [-x for x in losses.tolist()]


def code_sample(work: Path) -> np.ndarray:
    return np.array(Stream(work / "code.valid.ids").ids[:AGREEMENT_TOKENS])


def question_sample(work: Path) -> np.ndarray:
    questions = Questions(work / "questions.valid")
    return questions.ids[questions.offsets[0] : questions.offsets[1]]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(SHAPES))
    parser.add_argument("--work", type=Path, default=Path(".cache/training"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--matrices", choices=sorted(FILE_TYPES), default="f16")
    parser.add_argument("--average", nargs="*", default=[], metavar="CHECKPOINT", help="in the work folder")
    return parser.parse_args()


if __name__ == "__main__":
    main()
