import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { headTokensMax, prefixTokensMax, questionTokensMax } from "../../extension/pipeline/scorerText.ts";
import { Bpe, byteCharacters } from "../../models/training/bpeEncoder.ts";
import { appendDocument, appendPieces, chooseHole, piecesOf } from "../../models/training/codeDocuments.ts";
import { languageLimit, runsOf } from "../../models/training/packCode.ts";
import { PackedIds } from "../../models/training/packedIds.ts";
import { questionSequence, withoutOwn } from "../../models/training/questionSequence.ts";
import { SeededRandom } from "../../models/training/seededRandom.ts";
import { codeSpecials, wordSpecials } from "../../models/training/vocabulary.ts";
import type { PairRecord } from "../../models/training/workFolder.ts";

/** Every byte is a token. */
function byteVocabulary(specials: Readonly<Record<string, string>>, pretokenizer: "gpt-2" | "qwen2"): Bpe {
  const names = Object.keys(specials);
  return new Bpe({
    tokens: [...byteCharacters, ...Object.values(specials)],
    merges: [],
    special: Object.fromEntries(names.map((name, index) => [name, 256 + index])),
    pretokenizer,
  });
}

describe("sequences of the question model", () => {
  const bpe = byteVocabulary(wordSpecials, "gpt-2");
  const pair: PairRecord = {
    language: "go",
    path: ["src", "a", "go"],
    name: ["p", "own", "it"],
    own: ["own", "it"],
    rest: ["doc", "words"],
    code: ["func", "own", "it", "x", "own", "y"],
    question: ["does", "the", "work"],
    text: "does the work",
    kind: "sentence",
  };

  test("are what the engine gives to the model", () => {
    const { ids, start } = questionSequence({ ...pair, path: ["s"], name: ["n"], code: ["c", "d"] }, bpe, null);
    assert.equal(bpe.decode(ids), "<|bos|> s n<|sep|> c d<|query|> does the work<|eos|>");
    assert.equal(bpe.decode(ids.slice(start)), " does the work<|eos|>");
  });

  test("keep to its limits", () => {
    const long = Array.from({ length: 250 }, () => "abcdefg");
    const { ids, start } = questionSequence({ ...pair, path: long, code: long, question: long }, bpe, null);
    const separator = ids.indexOf(bpe.special("sep"));
    assert.equal(separator, 1 + headTokensMax);
    assert.equal(ids.indexOf(bpe.special("query")), 1 + prefixTokensMax);
    assert.equal(start, 2 + prefixTokensMax);
    assert.equal(ids.length - start, questionTokensMax + 1);
    assert.equal(ids.at(-1), bpe.special("eos"));
  });

  test("vary in the shares that were asked for, the same every time", () => {
    const shares = (seed: string): readonly number[] => {
      const random = new SeededRandom(seed);
      const texts = Array.from({ length: 4000 }, () => {
        const { ids } = questionSequence(pair, bpe, random);
        return bpe.decode(ids);
      });
      const share = (pattern: RegExp): number => texts.filter((text) => pattern.test(text)).length / texts.length;
      return [
        share(/^<\|bos\|><\|query\|>/),
        share(/own it x/) / 0.25,
        share(/doc words/),
        share(/\|> work</),
        share(/(?:how|where|what|which|find|show|explain|that).* does the work</),
      ];
    };
    const measured = shares("one");
    // The name is shown in 70 % of the prefixes that are not empty, and rest in 25 % of them.
    for (const [index, expected] of [0.07, (0.93 * 0.7) / 0.25, 0.93 * 0.25, 0.25, 0.12].entries()) {
      assert.ok(Math.abs((measured[index] ?? 0) - expected) < 0.15 * expected, `${index}: ${measured.join(" ")}`);
    }
    assert.deepEqual(shares("one"), measured);
    assert.notDeepEqual(shares("two"), measured);
  });

  test("hide the name where it is the question", () => {
    const { ids } = questionSequence({ ...pair, kind: "name", question: ["own", "it"] }, bpe, null);
    assert.equal(bpe.decode(ids), "<|bos|> src a go p<|sep|> func x own y<|query|> own it<|eos|>");
  });

  test("lose whole runs of the name only", () => {
    assert.deepEqual(withoutOwn(["a", "b", "a", "a", "b"], ["a", "b"]), ["a"]);
    assert.deepEqual(withoutOwn(["a"], []), ["a"]);
  });
});

describe("documents of the code model", () => {
  const bpe = byteVocabulary(codeSpecials, "qwen2");
  const text = Array.from({ length: 200 }, (_, line) => `${"  ".repeat(line % 4)}call(${line}); // größe 😀`).join(
    "\n",
  );

  test("are path and text between two special tokens", () => {
    const ids = new PackedIds(1);
    assert.equal(appendDocument({ path: "a/é.ts", text: "x\n" }, bpe, ids), 10);
    assert.equal(bpe.decode(ids.values()), "<|file_sep|>a/é.ts\nx\n<|endoftext|>");
  });

  test("with a hole are the same text in another order, and short enough", () => {
    const ids = new PackedIds();
    appendPieces({ path: "a.ts", text }, bpe, new SeededRandom("holes"), ids);
    const pieces = bpe.decode(ids.values()).split("<|endoftext|>").slice(0, -1);
    const whole = pieces.map((piece) => {
      assert.ok(Buffer.byteLength(piece) <= 600 + 70, piece);
      const parts = /^<\|file_sep\|>a\.ts\n<\|fim_prefix\|><\|fim_suffix\|>(.*)<\|fim_middle\|>(.+)$/s.exec(piece);
      const [, suffix = "", prefixAndMiddle = ""] = parts ?? [];
      return prefixAndMiddle + suffix;
    });
    assert.ok(pieces.length > 5);
    assert.ok(whole.join("") === text, whole.join(""));
  });

  test("are cut at line ends", () => {
    const pieces = piecesOf(`${text}\n${"long ".repeat(100)}\nend of it, ${"x".repeat(100)}`, 300);
    assert.ok(pieces.every((piece) => piece.length <= 300 && piece.length >= 80));
    assert.ok(pieces.slice(0, -1).every((piece) => piece.endsWith("\n")));
    assert.ok(!pieces.join("").includes("long long"));
  });

  test("have holes of all three kinds, never inside of a character", () => {
    const random = new SeededRandom("kinds");
    const piece = text.slice(0, 1500);
    const kinds = { restOfLine: 0, wholeLines: 0, span: 0 };
    const rounds = 3000;
    for (let round = 0; round < rounds; round += 1) {
      const hole = chooseHole(piece, random);
      assert.ok(hole !== null && hole.start < hole.end && hole.end <= piece.length);
      const middle = piece.slice(hole.start, hole.end);
      assert.ok(middle.isWellFormed() && piece.slice(0, hole.start).isWellFormed());
      const endsLine = hole.end === piece.length || piece[hole.end] === "\n";
      const startsLine = /(?:^|\n)[ \t]*$/.test(piece.slice(0, hole.start));
      if (endsLine && startsLine) kinds.wholeLines += 1;
      else if (endsLine && !middle.includes("\n")) kinds.restOfLine += 1;
      else kinds.span += 1;
    }
    // A hole in the middle of a line may happen to be at its start.
    assert.ok(Math.abs(kinds.restOfLine / rounds - 0.44) < 0.04, JSON.stringify(kinds));
    assert.ok(Math.abs(kinds.wholeLines / rounds - 0.42) < 0.04, JSON.stringify(kinds));
    assert.equal(chooseHole("\n \n", random), null);
  });
});

describe("packing code", () => {
  test("keeps the files of a folder and language together, in runs", () => {
    const file = (path: string, language: string, length: number) => ({ path, language, text: "x".repeat(length) });
    const runs = runsOf(
      [
        file("a/1.ts", "typescript", 60),
        file("a/b/1.ts", "typescript", 10),
        file("a/2.ts", "typescript", 60),
        file("a/3.py", "python", 10),
        file("a/4.ts", "typescript", 10),
      ],
      100,
    );
    assert.deepEqual(
      runs.map(({ language, files }) => [language, files.map(({ path }) => path).join(" ")]),
      [
        ["typescript", "a/1.ts a/2.ts"],
        ["typescript", "a/4.ts"],
        ["typescript", "a/b/1.ts"],
        ["python", "a/3.py"],
      ],
    );
  });

  for (const [sizes, total, shareMax, expected] of [
    [[5, 100, 100], 1000, 0.5, 500],
    [[5, 100, 100], 105, 0.5, 50],
    [[5, 1000], 100, 0.6, 60],
    [[], 100, 0.5, 50],
  ] as const) {
    test(`lets a language have at most ${expected} where ${sizes.join(", ")} are to become ${total}`, () => {
      assert.equal(languageLimit(sizes, total, shareMax), expected);
    });
  }

  test("grows its numbers", () => {
    const ids = new PackedIds(2);
    ids.push(1);
    ids.pushAll([2, 3, 65535]);
    assert.deepEqual([...ids.values()], [1, 2, 3, 65535]);
    assert.equal(ids.length, 4);
  });
});
