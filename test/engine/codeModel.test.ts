import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { codeModelFile, openCodeModel } from "../../extension/engine/codeModel.ts";
import type { OpenedCodeModel } from "../../extension/engine/codeModel.ts";
import { openLlama } from "../../extension/engine/llama.ts";
import type { Llama } from "../../extension/engine/llama.ts";
import { Models } from "../../extension/engine/models.ts";
import { defaultSettings } from "../../extension/protocol/settings.ts";
import { temporaryFolder } from "../support/folders.ts";
import { writeNotGguf } from "../support/testModels.ts";

const root = path.resolve(import.meta.dirname, "../..");
let llama: Llama;
let code: OpenedCodeModel;

before(async () => {
  llama = await openLlama({ root, device: "cpu" });
  code = await openCodeModel({ llama, root });
});
after(async () => {
  await code.close();
});

const source = `/** Größe — 2 €. */
export async function readLines(file: string): Promise<string[]> {
\tconst text = await readFile(file, "utf8");
  return text.split(/\\r?\\n/).filter((line) => line.trim() !== "");
}
`;

test("the code model's tokens are the text, byte for byte", () => {
  const tokens = code.model.tokenize(source, { special: false });
  assert.equal(new TextDecoder().decode(code.model.detokenize(tokens, { special: false })), source);
  assert.equal(code.counter.count(source), tokens.length);
  assert.equal(code.counter.count(""), 0);
});

test("code takes fewer tokens than half its characters", () => {
  assert.ok(code.counter.count(source) < source.length / 2, String(code.counter.count(source)));
});

test("the code model is a plain decoder with grouped heads, a context of 2,048 and more, and fill-in-the-middle", () => {
  const { info } = code.model;
  assert.equal(info.architecture, "llama");
  assert.ok(info.kvHeads < info.heads);
  assert.ok(info.trainedContext >= 2048);
  for (const token of [info.tokens.fimPrefix, info.tokens.fimSuffix, info.tokens.fimMiddle]) assert.ok(token >= 0);
});

test("code is likelier than the same lines in reverse", async () => {
  const reversed = `${source.trimEnd().split("\n").reverse().join("\n")}\n`;
  const context = await code.model.openContext({ cells: 1024, sequences: 2, unified: false, threads: 1 });
  try {
    const items = [source, reversed].map((text, sequence) => ({
      sequence,
      tokens: Int32Array.of(code.model.info.tokens.eos, ...code.model.tokenize(text, { special: false })),
    }));
    const [right = [], wrong = []] = await context.score(items);
    const total = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0);
    assert.ok(total(right) > total(wrong) + 10, `${total(right)} against ${total(wrong)}`);
  } finally {
    await context.close();
  }
});

test("a package without the code model, or with a broken one, fails as scorerMissing", async (t) => {
  const folder = await temporaryFolder(t);
  await assert.rejects(openCodeModel({ llama, root: folder }), { code: "scorerMissing" });
  await mkdir(path.dirname(codeModelFile(folder)), { recursive: true });
  await writeNotGguf(codeModelFile(folder));
  await assert.rejects(openCodeModel({ llama, root: folder }), { code: "scorerMissing" });
});

test("without the code model tokens are estimated, and the log says so", async (t) => {
  const lines: string[] = [];
  const folder = await temporaryFolder(t);
  const models = new Models({
    storageFolder: folder,
    root: folder,
    gpu: "none",
    settings: () => defaultSettings,
    log: (level, message) => {
      lines.push(`${level} ${message}`);
    },
  });
  const counter = await models.counter();
  assert.match(counter.name, /estimate/);
  assert.equal(counter.count("12345678"), 2);
  assert.ok(
    lines.some((line) => /^warning Tokens are estimated/.test(line)),
    lines.join("\n"),
  );
  await models.close();
});
