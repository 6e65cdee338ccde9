import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { codeModelFile } from "../../extension/engine/codeModel.ts";
import { Completer, type WrittenText } from "../../extension/engine/completer.ts";
import { readFillInHeader } from "../../extension/engine/fillInHeader.ts";
import { openLlama } from "../../extension/engine/llama.ts";

const root = path.resolve(import.meta.dirname, "../..");
const { signal } = new AbortController();
let completer: Completer;

before(async () => {
  const { addon } = await openLlama({ root, device: "cpu" });
  const model = await addon.openModel({ path: codeModelFile(root), gpuLayers: 0 });
  completer = await Completer.open({
    ...{ model, name: "code.gguf", role: "embedded", threads: 1, kvType: "f16", contextTokens: 600 },
    header: await readFillInHeader(codeModelFile(root)),
    closeModel: () => model.close(),
  });
});
after(() => completer.close());

function tokensOf(text: string): Int32Array {
  return completer.tokensOf([{ share: "prefix", text, tokens: 0, reasons: [] }]);
}

async function writeAfter(prompt: Int32Array, draftTokens: number, maxTokens = 24): Promise<WrittenText> {
  // What a prompt is read with changes its last bits, and with them ties.
  completer.forget();
  await completer.read(prompt, signal);
  return completer.write({ maxTokens, signal, isDone: () => false, draftTokens });
}

/** llama.cpp rounds differently when it decodes several tokens at once, so two tokens that are equally likely may swap. */
function partAtTie(one: WrittenText, other: WrittenText): boolean {
  const at = one.tokens.findIndex((token, place) => token !== other.tokens[place]);
  return at >= 0 && Math.abs((one.logProbabilities[at] ?? 0) - (other.logProbabilities[at] ?? 1)) < 0.02;
}

test("with drafts of any length the same is written after many prompts, but for ties, in fewer steps", async () => {
  let [plainSteps, draftedSteps] = [0, 0];
  let [same, compared] = [0, 0];
  for (const name of ["completer", "session"]) {
    const lines = (await readFile(path.join(root, "extension/engine", `${name}.ts`), "utf8")).split("\n");
    for (let end = 40; end < Math.min(lines.length, 160); end += 24) {
      const prompt = tokensOf(lines.slice(end - 30, end).join("\n")).slice(-400);
      const plain = await writeAfter(prompt, 0);
      assert.deepEqual([plain.drafted, plain.accepted], [0, 0]);
      for (const draftTokens of [1, 4]) {
        const drafted = await writeAfter(prompt, draftTokens);
        if (drafted.text === plain.text) same += 1;
        else assert.ok(partAtTie(plain, drafted), `${name}.ts:${end}, ${draftTokens}`);
        compared += 1;
        if (draftTokens === 4) draftedSteps += drafted.steps;
      }
      plainSteps += plain.steps;
    }
  }
  assert.ok(same >= 0.95 * compared, `${same} of ${compared}`);
  assert.ok(draftedSteps < 0.9 * plainSteps, `${draftedSteps} of ${plainSteps} steps`);
});

test("what is written ends where it is told to, also in the middle of a draft, and in a full context", async () => {
  const prompt = tokensOf("for (const a of b) {\n  run(a);\n}\n".repeat(8));
  const plain = await writeAfter(prompt, 0, 24);
  for (let maxTokens = 1; maxTokens < plain.tokens.length; maxTokens += 1) {
    const { tokens } = await writeAfter(prompt, 4, maxTokens);
    assert.deepEqual(tokens, plain.tokens.slice(0, maxTokens));
  }
  await completer.read(prompt, signal);
  const ended = await completer.write({ maxTokens: 24, signal, isDone: (text) => text.includes("{") });
  assert.equal(ended.text.split("{").length, 2);
  const full = tokensOf("a = b;\n".repeat(400)).slice(0, completer.contextTokens - 3);
  const [long, short] = [await writeAfter(full, 4), await writeAfter(full, 0)];
  assert.deepEqual(long.tokens, short.tokens);
});

test("the log probability of each token is the one that reading it gives", async () => {
  const prompt = tokensOf("export function sum(values: number[]): number {\n  let total = 0;\n");
  const written = await writeAfter(prompt, 4);
  const read = await completer.logProbabilities(written.tokens, signal);
  assert.equal(written.logProbabilities.length, written.tokens.length);
  written.logProbabilities.forEach((log, at) => {
    assert.ok(Math.abs(log - (read[at] ?? 0)) < 0.01, `${at}: ${log}, ${read[at]}`);
  });
});
