import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { openLlama } from "../../extension/engine/llama.ts";
import type { Llama } from "../../extension/engine/llama.ts";
import { Session } from "../../extension/engine/session.ts";
import type { KvPolicy, ReadResult } from "../../extension/engine/session.ts";
import { listSegments } from "../../extension/engine/kvStore.ts";
import { english, sentence } from "../../extension/protocol/sentence.ts";
import { temporaryFolder } from "../support/folders.ts";
import { promptTokens, segmentsOf, unitText } from "../support/promptTokens.ts";
import type { TestPrompt } from "../support/promptTokens.ts";
import { writeTestModel } from "../support/testModels.ts";

const root = path.resolve(import.meta.dirname, "../..");
const never = new AbortController().signal;
const contextTokens = 4096;
let llama: Llama;
let model = "";
const cleanups: (() => Promise<void>)[] = [];

before(async () => {
  model = path.join(await temporaryFolder({ after: (work) => cleanups.push(work) }), "model.gguf");
  await writeTestModel({ file: model, kvHeads: 2, heads: 2, embedding: 128 });
  llama = await openLlama({ root, device: "cpu" });
});
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

const digest = "# Central declarations of the repository\n\nsrc/a.ts\n    function central(one: string): void\n".repeat(
  4,
);
const three: TestPrompt = { digest, units: [1, 2, 3].map((seed) => unitText(seed)), question: "What is called?" };

test("after the answer the cache is compressed into a smaller context, and the next question reads only what is new", async (t) => {
  const { session } = await open(t, { keepRatio: 0.5 });
  const first = await ask(session, three);
  assert.equal(first.read.tokensReused, 0);
  const before = session.context;
  await session.settled(never);

  const { tokens, segments } = promptTokens(session, three);
  const lastUnit = segments.findLast(({ kind }) => kind === "unit")?.to ?? 0;
  const compressed = segments.filter(({ kind }) => kind === "unit" || kind === "digest");
  const kept = compressed.reduce((sum, { from, to }) => sum + Math.floor((to - from) * 0.5 + 0.5), 0);
  const others = lastUnit - compressed.reduce((sum, { from, to }) => sum + to - from, 0);
  assert.equal(session.cachedTokens, lastUnit, "the question and the answer are not kept");
  assert.equal(session.kv.cellsUsed, kept + others);
  assert.ok(session.context.cells < before.cells && session.context.cells >= session.kv.cellsUsed);
  assert.equal(session.kv.bytesFull, before.kvBytes);
  assert.equal(session.kv.bytes, session.context.kvBytes);
  assert.ok(Math.abs(before.kvBytes / session.context.kvBytes - before.cells / session.context.cells) < 0.1);
  assert.equal(english(session.kv.uncompressedBecause), "");

  const second = await ask(session, { ...three, question: "Who calls it, and why?" });
  assert.deepEqual(second.read, { tokensRead: second.length - lastUnit, tokensReused: lastUnit, tokensLoaded: 0 });
  assert.notEqual(second.text, "");
  assert.ok(session.cachedTokens > session.kv.cellsUsed, "positions exceed cells");
  assert.ok(tokens.length > 0);
});

test("units in another order and behind other ones are attached from disk, their first tokens read in place", async (t) => {
  const { session, folder } = await open(t, { keepRatio: 0.5 });
  await ask(session, three);
  await session.settled(never);
  const stored = await listSegments(folder);
  assert.deepEqual(
    stored.map(({ tokens, cells }) => cells < tokens).filter(Boolean).length,
    4,
    "a digest, three units",
  );
  assert.deepEqual(new Set(stored.map(({ kvType }) => kvType)), new Set(["q8_0"]));

  const [one = "", two = "", last = ""] = three.units;
  const { read, length, prompt } = await ask(session, { ...three, units: [last, unitText(4), one, two] });
  const units = segmentsOf(prompt, "unit");
  const attached = [0, 2, 3].map((at) => (units[at]?.to ?? 0) - (units[at]?.from ?? 0) - 8);
  assert.equal(
    read.tokensLoaded,
    attached.reduce((sum, count) => sum + count, 0),
  );
  const prefix = segmentsOf(prompt, "digest")[0]?.to ?? 0;
  assert.ok(read.tokensReused - read.tokensLoaded >= prefix);
  assert.equal(read.tokensRead, length - read.tokensReused);
  await session.settled(never);
  assert.equal((await listSegments(folder)).length, stored.length + 1, "the new unit only");
});

test("another process finds what was stored, and answers as the one that stored it", async (t) => {
  const { session, folder } = await open(t, { keepRatio: 0.5 });
  await ask(session, three);
  await session.settled(never);
  const { text } = await ask(session, { ...three, question: "And now?" });

  const next = await open(t, { keepRatio: 0.5, folder });
  const { read, length, prompt, text: same } = await ask(next.session, { ...three, question: "And now?" });
  const own = prompt.segments.filter(({ kind }) => kind === "instructions" || kind === "digest");
  const whole = own.reduce((sum, { from, to }) => sum + to - from, 0);
  const units = segmentsOf(prompt, "unit").reduce((sum, { from, to }) => sum + to - from - 8, 0);
  assert.equal(read.tokensLoaded, whole + units);
  assert.equal(read.tokensRead, length - whole - units);
  assert.ok(next.session.kv.prompt.loadMs > 0);
  assert.equal(next.session.kv.cellsUsed < length, true);
  assert.notEqual(same, "");
  assert.notEqual(text, "");
});

test("a keep ratio of 1 gives the answer that a session without any cache gives, also from disk", async (t) => {
  const plain = await open(t, null);
  const expected = await ask(plain.session, three);
  const other = { ...three, units: [...three.units].reverse(), question: "Why?" };
  const expectedOther = await ask(plain.session, other);

  const { session, folder } = await open(t, { keepRatio: 1 });
  assert.equal((await ask(session, three)).text, expected.text);
  await session.settled(never);
  assert.equal(session.kv.bytes, session.kv.bytesFull);
  const reordered = await ask(session, other);
  assert.equal(reordered.text, expectedOther.text);
  assert.ok(reordered.read.tokensReused < (segmentsOf(reordered.prompt, "unit")[0]?.from ?? 0) + 100);

  const next = await open(t, { keepRatio: 1, folder });
  const loaded = await ask(next.session, three);
  assert.equal(loaded.text, expected.text);
  assert.ok(loaded.read.tokensLoaded > loaded.length * 0.9);
  assert.deepEqual(
    new Set((await listSegments(folder)).map(({ kvType, keepRatio }) => `${kvType} ${keepRatio}`)),
    new Set(["f16 1"]),
  );
});

test("a changed unit is read again and the others are not; a changed digest takes everything with it", async (t) => {
  const { session, folder } = await open(t, { keepRatio: 0.5 });
  await ask(session, three);
  await session.settled(never);
  const [one = "", , last = ""] = three.units;
  const changed = await open(t, { keepRatio: 0.5, folder });
  const { read, prompt } = await ask(changed.session, { ...three, units: [one, unitText(9), last] });
  const tokensOf = (at: number): number => segmentsOf(prompt, "unit").map(({ from, to }) => to - from)[at] ?? 0;
  const prefix = segmentsOf(prompt, "digest")[0]?.to ?? 0;
  assert.equal(read.tokensLoaded, prefix + tokensOf(0) - 8 + tokensOf(2) - 8);

  const other = await open(t, { keepRatio: 0.5, folder });
  const renamed = await ask(other.session, { ...three, digest: digest.replace("central", "renamed") });
  assert.equal(renamed.read.tokensLoaded, segmentsOf(renamed.prompt, "instructions")[0]?.to);
});

test("a new question interrupts the compression, and what was compressed by then is not lost", async (t) => {
  const { session, folder } = await open(t, { keepRatio: 0.5 });
  const many: TestPrompt = { ...three, units: [1, 2, 3, 4, 5].map((seed) => unitText(seed, 90)) };
  const first = await ask(session, many);
  await untilStored(folder);
  const { read } = await ask(session, { ...many, question: "Another one?" });
  assert.ok(read.tokensReused > first.length - 40, "the cache is whole: only the question differs");
  await session.settled(never);
  assert.ok(session.kv.cellsUsed < first.length * 0.7);
  const { tokensLoaded } = (await ask((await open(t, { keepRatio: 0.5, folder })).session, many)).read;
  assert.ok(tokensLoaded > first.length * 0.8);
});

test("damaged segments are read again, stored again, and the answer is the same", async (t) => {
  const { session, folder } = await open(t, { keepRatio: 0.5 });
  await ask(session, three);
  await session.settled(never);
  const expected = await ask((await open(t, { keepRatio: 0.5, folder })).session, three);
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    const bytes = await readFile(file);
    bytes[bytes.length - 50] = 255 - (bytes[bytes.length - 50] ?? 0);
    await writeFile(file, bytes);
  }
  const next = await open(t, { keepRatio: 0.5, folder });
  const { read } = await ask(next.session, three);
  assert.equal(read.tokensLoaded, 0);
  assert.deepEqual(await readdir(folder), []);
  await next.session.settled(never);
  const again = await ask((await open(t, { keepRatio: 0.5, folder })).session, three);
  assert.deepEqual([again.read, again.text], [expected.read, expected.text]);
});

test("a prompt that needs more room than the small context has gets a larger one", async (t) => {
  const { session } = await open(t, { keepRatio: 0.5 });
  await ask(session, three);
  await session.settled(never);
  const small = session.context.cells;
  const large: TestPrompt = { ...three, units: [5, 6, 7, 8, 9].map((seed) => unitText(seed, 80)) };
  const { length } = await ask(session, large);
  assert.ok(session.context.cells > small);
  assert.ok(session.cachedTokens >= length);
  await session.settled(never);
  assert.ok(session.kv.cellsUsed <= session.context.cells && session.context.cells < length);
  const tooLong = new Int32Array(contextTokens + 1).fill(5);
  await assert.rejects(session.read(tooLong), { code: "contextFull" });
});

test("where the disk is short, what was not used for longest is kept in 4 bits, and still loaded", async (t) => {
  const { session, folder } = await open(t, { keepRatio: 0.5 });
  await ask(session, three);
  await session.settled(never);
  const bytes = (await listSegments(folder)).reduce((sum, segment) => sum + segment.bytes, 0);

  const short = await open(t, { keepRatio: 0.5, folder, bytesMax: Math.floor(bytes * 1.1) });
  await ask(short.session, { ...three, units: [...three.units, unitText(4)] });
  await short.session.settled(never);
  const stored = await listSegments(folder);
  assert.ok(stored.reduce((sum, segment) => sum + segment.bytes, 0) <= bytes * 1.1);
  assert.deepEqual([...new Set(stored.map(({ kvType }) => kvType))].sort(), ["q4_0", "q8_0"]);
  assert.ok(stored.every(({ label, kvType }) => label !== "instructions" || kvType === "q8_0"));

  const next = await open(t, { keepRatio: 0.5, folder });
  const { read, prompt } = await ask(next.session, three);
  const cold = stored.filter(({ kvType }) => kvType === "q4_0");
  assert.ok(cold.length > 0);
  const labels = new Set(stored.map(({ label }) => label));
  const expected = prompt.segments
    .filter(({ kind, label }) => kind !== "loose" && labels.has(label))
    .reduce((sum, { kind, from, to }) => sum + to - from - (kind === "unit" ? 8 : 0), 0);
  assert.equal(read.tokensLoaded, expected);
});

test("without a disk the cache is still compressed", async (t) => {
  const { session } = await open(t, { keepRatio: 0.3, disk: false });
  const { length } = await ask(session, three);
  await session.settled(never);
  assert.ok(session.kv.cellsUsed < length * 0.5);
  const { read } = await ask(session, { ...three, question: "Second?" });
  assert.ok(read.tokensReused > length * 0.8);
});

test("a model whose cache cannot be taken apart works uncompressed, and says so once", async (t) => {
  const file = path.join(path.dirname(model), "latent.gguf");
  await writeTestModel({ file, extraMetadata: { "attention.kv_lora_rank": { type: "uint32", value: 16 } } });
  const messages: string[] = [];
  const { session, folder } = await open(t, {
    keepRatio: 0.5,
    modelPath: file,
    log: (level, text) => messages.push(`${level} ${text}`),
  });
  const first = await ask(session, three);
  await session.settled(never);
  const latent = "capturing a sequence is not supported for the cache of {0}: latent attention (MLA)";
  assert.deepEqual(session.kv.uncompressedBecause, sentence(latent, "llama"));
  assert.equal(messages.length, 1);
  assert.match(messages[0] ?? "", /^info .*stays uncompressed.*MLA/);
  assert.equal(session.kv.cellsUsed, session.cachedTokens);
  assert.deepEqual(await listSegments(folder), []);
  const again = await ask(session, three);
  await session.settled(never);
  assert.equal(again.read.tokensReused, first.length - 1);
  assert.equal(again.text, first.text);
  assert.equal(messages.length, 1);
});

test("a model whose keys cannot be moved finds segments at their own places, and reads moved ones", async (t) => {
  const file = path.join(path.dirname(model), "yarn.gguf");
  const yarn = {
    "rope.scaling.type": { type: "string", value: "yarn" },
    "rope.scaling.factor": { type: "float32", value: 2 },
  } as const;
  await writeTestModel({ file, extraMetadata: yarn });
  const { session, folder } = await open(t, { keepRatio: 0.5, modelPath: file });
  await ask(session, three);
  await session.settled(never);
  assert.equal(english(session.kv.uncompressedBecause), "");
  const next = await open(t, { keepRatio: 0.5, modelPath: file, folder });
  const same = await ask(next.session, three);
  assert.ok(same.read.tokensLoaded > same.length / 2);
  const files = (await listSegments(folder)).length;
  const other = await open(t, { keepRatio: 0.5, modelPath: file, folder });
  const { read, prompt } = await ask(other.session, { ...three, units: [unitText(7, 30), ...three.units] });
  assert.equal(read.tokensLoaded, segmentsOf(prompt, "digest")[0]?.to);
  assert.equal(
    (await listSegments(folder)).length,
    files,
    "they stay for prompts in which they stand where they stood",
  );
});

interface Opened {
  readonly session: Session;
  readonly folder: string;
}

async function open(
  t: TestContext,
  options: {
    readonly keepRatio: number;
    readonly folder?: string;
    readonly disk?: boolean;
    readonly bytesMax?: number;
    readonly modelPath?: string;
    readonly log?: (level: string, message: string) => void;
  } | null,
): Promise<Opened> {
  const { modelPath = model, log = noWarning } = options ?? {};
  const session = await Session.open({ llama, modelPath, contextTokens, threads: 1, kvType: "f16", log });
  t.after(() => session.close());
  const folder = options?.folder ?? path.join(await temporaryFolder(t), "kv");
  if (options !== null) {
    const policy: KvPolicy = {
      recipe: { evictor: "kvzip-composite", keepRatio: options.keepRatio },
      disk: options.disk === false ? null : { folder, bytesMax: options.bytesMax ?? 1 << 28 },
    };
    await session.setPolicy(policy);
  }
  return { session, folder };
}

/** A warning here is a bug: nothing in these tests is out of order. */
function noWarning(level: string, message: string): void {
  assert.notEqual(level, "warning", message);
}

async function ask(
  session: Session,
  prompt: TestPrompt,
): Promise<{ read: ReadResult; text: string; length: number; prompt: ReturnType<typeof promptTokens> }> {
  const asked = promptTokens(session, prompt);
  const read = await session.read(asked.tokens, { segments: asked.segments, reserveTokens: 16 });
  let text = "";
  for await (const delta of session.generate({ maxTokens: 12, temperature: 0 })) text += delta;
  session.rest();
  return { read, text, length: asked.tokens.length, prompt: asked };
}

/** Resolves when the first segment lies in the folder. */
async function untilStored(folder: string): Promise<void> {
  while ((await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".kv")).length === 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
