import assert from "node:assert/strict";
import path from "node:path";
import test, { describe } from "node:test";
import { openGrammars } from "../../extension/engine/grammars.ts";
import { pinKinds, pinnedTokens, structuralPins } from "../../extension/pipeline/evictPins.ts";
import { lineChunks } from "../../extension/pipeline/evictSelection.ts";

const root = path.resolve(import.meta.dirname, "../..");

const typescript = `import { open } from "node:fs";

export function parse(text: string): number {
  const size = text.length;
  if (size > 3) {
    // return nothing here
    return measure(text);
  }
  return 0;
}
`;
const python = `from os import path

def parse(text):
    """if this were code
    return it would be pinned"""
    while text:
        text = shorten(text)
    return text
`;

async function pinnedTexts(text: string, language: string): Promise<Record<string, string[]>> {
  const grammars = await openGrammars({ root });
  const found: Record<string, string[]> = {};
  for (const { kind, start, end } of structuralPins(text, language, await grammars.grammar(language))) {
    (found[kind] ??= []).push(text.slice(start, end).trim());
  }
  return found;
}

describe("structural pins", () => {
  test("are signatures, imports, calls, conditions and returns of TypeScript", async () => {
    const found = await pinnedTexts(typescript, "typescript");
    assert.deepEqual(found["import"]?.[0], 'import { open } from "node:fs";');
    assert.ok(found["signature"]?.includes("function parse(text: string): number"));
    assert.deepEqual(found["call"], ["measure"]);
    assert.deepEqual(found["branch"], ["if (size > 3) {", "return measure(text);", "return 0;"]);
  });

  test("are found in Python, and not in its strings", async () => {
    const found = await pinnedTexts(python, "python");
    assert.ok(found["signature"]?.some((text) => text.startsWith("def parse(text):")));
    assert.ok(found["import"]?.includes("from os import path"));
    assert.ok(found["call"]?.includes("shorten"));
    assert.deepEqual(found["branch"], ["while text:", "return text"]);
  });

  test("without a grammar are conditions and returns only", () => {
    const kinds = new Set(structuralPins(typescript, "typescript", null).map(({ kind }) => kind));
    assert.deepEqual([...kinds], ["branch"]);
  });

  test("of text that is not code are none, and nothing throws", () => {
    assert.deepEqual(structuralPins("", "text", null), []);
    assert.deepEqual(structuralPins("\u0000\ud800 ((((", "nothing", null), []);
  });
});

describe("tokens of pins", () => {
  test("are those that touch a range, counted in bytes", () => {
    const text = "aé😀 if b";
    const start = text.indexOf("if");
    const tokens = pinnedTokens([{ kind: "branch", start, end: start + 2 }], {
      text,
      tokenBytes: [1, 2, 4, 1, 1, 1, 1, 1],
    });
    assert.deepEqual([...tokens], [0, 0, 0, 0, pinKinds.branch, pinKinds.branch, 0, 0]);
  });

  test("stand behind what precedes the text, and the largest kind counts", () => {
    const pins = [
      { kind: "signature", start: 0, end: 3 },
      { kind: "call", start: 2, end: 5 },
    ] as const;
    const tokens = pinnedTokens(pins, { text: "abcdef", tokenBytes: [2, 2, 2, 2], before: 2 });
    assert.deepEqual([...tokens], [0, pinKinds.signature, pinKinds.signature, pinKinds.call]);
  });
});

test("chunks are whole lines, short ones together, long ones cut", () => {
  const ends = (lengths: readonly number[]): boolean[] =>
    lengths.flatMap((length) => Array.from({ length }, (_, at) => at === length - 1));
  assert.deepEqual([...lineChunks(ends([8, 2, 9, 7]))], [0, 8, 19]);
  assert.deepEqual([...lineChunks(ends([50]))], [0, 24, 48]);
  assert.deepEqual([...lineChunks([])], []);
});
