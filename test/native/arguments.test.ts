// Every method against hostile values and misuse: the answer is a code, never an abort and never an endless promise.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { NativeAddon, NativeContext, NativeKvState, NativeModel, NativeSampler } from "../../native/addon.ts";
import { codeOf, libraryFolder, loadAddon, scorerModel } from "./engine.ts";

/** The addon without its types, to call it as no typed caller would. */
type Untyped = Record<string, (...args: unknown[]) => unknown>;
const untyped = (object: object): Untyped => object as Untyped;

const detached = (array: Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>): unknown => {
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
};

const hostileValues = (): unknown[] => [
  undefined,
  null,
  true,
  "",
  "0",
  "x".repeat(10_000),
  NaN,
  Infinity,
  -Infinity,
  -1,
  0.5,
  -0,
  255,
  256,
  257,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  10n,
  Symbol("symbol"),
  () => 0,
  [],
  [1, 2],
  {},
  { length: 5 },
  new Date(),
  new Int32Array(0),
  new Int32Array([-1]),
  new Int32Array([2 ** 31 - 1]),
  new Uint8Array(0),
  new Uint8Array(100),
  new Float32Array(3),
  new Float64Array([1]),
  new ArrayBuffer(8),
  new DataView(new ArrayBuffer(8)),
  new Int32Array(new SharedArrayBuffer(16)),
  detached(new Int32Array(4)),
  detached(new Uint8Array(4)),
  new Proxy(
    {},
    {
      get: () => {
        throw new Error("from a getter");
      },
    },
  ),
  new Proxy([], {}),
  Object.create(null),
];

describe("arguments", () => {
  let addon: NativeAddon;
  let model: NativeModel;
  let context: NativeContext;
  let observer: NativeContext;
  let sampler: NativeSampler;
  let tokens: Int32Array;
  let state: NativeKvState;

  before(async () => {
    addon = await loadAddon();
    assert.equal(await codeOf(() => addon.openModel({ path: scorerModel, gpuLayers: 0 })), "NATIVE_STATE");
    addon.loadLibrary({ directory: libraryFolder() });
    model = await addon.openModel({ path: scorerModel, gpuLayers: 0 });
    context = await model.openContext({ cells: 512, batchTokens: 64, sequences: 4, threads: 1 });
    observer = await model.openContext({ cells: 256, threads: 1, flashAttention: "off" });
    sampler = model.createSampler({ temperature: 0 });
    tokens = model.tokenize(" read the configuration of the server and start", { special: false });
    await observer.read(0, tokens);
    state = await observer.captureSequence(0);
  });

  after(async () => {
    state.close();
    await context.close();
    await observer.close();
    await model.close();
  });

  /** Valid arguments of every method; each is replaced by each hostile value in turn. */
  const calls = (): { object: object; method: string; args: unknown[] }[] => [
    { object: addon, method: "loadLibrary", args: [{ directory: libraryFolder() }] },
    { object: model, method: "tokenize", args: ["text", { special: false }] },
    { object: model, method: "detokenize", args: [tokens, { special: false }] },
    { object: model, method: "isEndOfGeneration", args: [1] },
    { object: model, method: "createSampler", args: [{ temperature: 0 }] },
    { object: context, method: "usedCells", args: [0] },
    { object: context, method: "nextPosition", args: [0] },
    { object: context, method: "read", args: [0, tokens, { onProgress: () => undefined }] },
    { object: context, method: "next", args: [0, sampler] },
    { object: context, method: "score", args: [[{ sequence: 1, tokens }]] },
    { object: context, method: "distributions", args: [0, tokens] },
    { object: observer, method: "observe", args: [0, tokens, { reduce: "max" }] },
    { object: context, method: "remove", args: [0, 0, -1] },
    { object: context, method: "copySequence", args: [0, 1] },
    { object: context, method: "saveSequence", args: [0] },
    { object: context, method: "restoreSequence", args: [0, new Uint8Array(64)] },
    { object: context, method: "captureSequence", args: [0, { from: 0, to: 1 }] },
    { object: context, method: "attachState", args: [1, state] },
    { object: addon, method: "decodeKvState", args: [model, new Uint8Array(64)] },
    { object: addon, method: "joinKvStates", args: [[state]] },
    { object: state, method: "keys", args: [0] },
    { object: state, method: "values", args: [0] },
    { object: state, method: "select", args: [new Int32Array(0), new Int32Array(0)] },
    { object: state, method: "slice", args: [0, 1] },
    { object: state, method: "shift", args: [1] },
    { object: state, method: "convert", args: ["q8_0"] },
    { object: state, method: "encode", args: [{ tokens, segments: tokens }] },
  ];
  const known = /^(none|NATIVE_(ARGUMENT|STATE|CONTEXT_FULL|BLOB_INVALID)|no code: from a getter)$/;

  test("each argument of each method as each hostile value gives a code", async () => {
    let refused = 0;
    for (const { object, method, args } of calls()) {
      for (let at = 0; at < args.length; at++) {
        for (const value of hostileValues()) {
          const code = await codeOf(() => untyped(object)[method]?.(...args.with(at, value)));
          assert.match(code, known, `${method}, argument ${at}`);
          if (code !== "none") refused++;
        }
      }
      assert.match(
        await codeOf(() => untyped(object)[method]?.()),
        /^NATIVE_(ARGUMENT|STATE)$/,
        `${method} without arguments`,
      );
    }
    assert.ok(refused > 400, `${refused} calls were refused`);
  });

  test("each option as each hostile value gives a code", async () => {
    const { layers, heads, kvHeads } = model.info;
    const refit = {
      cells: new Int32Array(layers * kvHeads),
      positions: Int32Array.of(0),
      queryVectors: new Float32Array(layers * heads * state.info.keySize),
      queryCount: 1,
      ridge: 1,
      fixed: new Uint8Array(1),
    };
    assert.equal(await codeOf(() => state.refit(refit)), "none");
    const options: { object: object; method: string; valid: Record<string, unknown> }[] = [
      { object: addon, method: "loadLibrary", valid: { directory: libraryFolder(), onLog: undefined } },
      {
        object: addon,
        method: "openModel",
        valid: { path: `${scorerModel}.none`, gpuLayers: 0, useMmap: true, onProgress: undefined },
      },
      {
        object: model,
        method: "openContext",
        valid: {
          cells: 256,
          batchTokens: 64,
          sequences: 1,
          unified: true,
          kvType: "f16",
          flashAttention: "auto",
          threads: 1,
        },
      },
      {
        object: model,
        method: "createSampler",
        valid: { temperature: 1, topK: 1, topP: 1, minP: 0, repeatPenalty: 1, repeatLastTokens: 1, seed: 1 },
      },
      { object: context, method: "read", valid: { onProgress: undefined } },
      { object: observer, method: "observe", valid: { reduce: "mean", firstQuery: 1, queries: 2 } },
      { object: state, method: "refit", valid: refit },
    ];
    for (const { object, method, valid } of options) {
      for (const name of Object.keys(valid)) {
        for (const value of hostileValues()) {
          const changed = { ...valid, [name]: value };
          const args = method === "read" || method === "observe" ? [0, tokens, changed] : [changed];
          const outcome = untyped(object)[method]?.bind(object, ...args);
          const code = await codeOf(async () => {
            const opened = await outcome?.();
            if (method === "openContext") await (opened as NativeContext).close();
            if (method === "read") context.clear();
          });
          assert.match(
            code,
            /^(none|NATIVE_(ARGUMENT|STATE|MODEL_MISSING|LIBRARY_MISSING))$/,
            `${method}({ ${name} })`,
          );
        }
      }
    }
  });

  test("a callback that closes the context from inside an argument's getter finds a state, not a crash", async () => {
    const victim = await model.openContext({ cells: 256, threads: 1 });
    let closing: Promise<void> | undefined;
    const options = {
      get onProgress(): undefined {
        closing = victim.close();
        return undefined;
      },
    };
    assert.equal(await codeOf(() => untyped(victim)["read"]?.(0, tokens, options)), "NATIVE_STATE");
    await closing;
  });

  test("a score item may hold anything, and only real items are scored", async () => {
    for (const item of hostileValues()) {
      assert.match(
        await codeOf(() => untyped(context)["score"]?.([item])),
        /^(NATIVE_ARGUMENT|no code: from a getter)$/,
      );
      assert.match(
        await codeOf(() => untyped(context)["score"]?.([{ sequence: item, tokens: Int32Array.of(-1, -1) }])),
        known,
      );
      assert.match(await codeOf(() => untyped(context)["score"]?.([{ sequence: 1, tokens: item }])), known);
    }
    const many = Array.from({ length: 257 }, () => ({ sequence: 0, tokens }));
    assert.equal(await codeOf(() => context.score(many)), "NATIVE_ARGUMENT");
    assert.deepEqual(await context.score([]), []);
  });

  test("methods refuse another receiver, and classes cannot be constructed", async () => {
    const read: unknown = Reflect.get(context, "read");
    assert.ok(typeof read === "function");
    for (const receiver of [{}, model, sampler, Object.create(context) as object, null, undefined]) {
      await assert.rejects(async () => {
        await Reflect.apply(read, receiver, [0, tokens]);
      }, TypeError);
    }
    for (const object of [model, context, sampler, state]) {
      const constructor: unknown = Reflect.get(object, "constructor");
      assert.ok(typeof constructor === "function");
      assert.equal(await codeOf(() => Reflect.construct(constructor, []) as unknown), "NATIVE_ARGUMENT");
      assert.equal(await codeOf(() => Reflect.construct(constructor, [object]) as unknown), "NATIVE_ARGUMENT");
    }
    const disguised = new Date();
    Object.setPrototypeOf(disguised, Object.getPrototypeOf(sampler) as object);
    for (const impostor of [Object.create(sampler) as object, disguised, model]) {
      context.clear();
      await context.read(0, tokens);
      assert.equal(await codeOf(() => context.next(0, impostor as NativeSampler)), "NATIVE_ARGUMENT");
    }
  });

  test("samplers: out of range, of another model, closed, or in use", async () => {
    for (const options of [
      { temperature: -1 },
      { temperature: 1, topK: -1 },
      { temperature: 1, topP: 2 },
      { temperature: 1, minP: -0.1 },
      { temperature: 1, repeatPenalty: 0 },
      { temperature: 1, seed: 2 ** 32 },
      { temperature: 1, repeatLastTokens: 70000 },
    ]) {
      assert.equal(await codeOf(() => model.createSampler(options)), "NATIVE_ARGUMENT", JSON.stringify(options));
    }
    const other = await addon.openModel({ path: scorerModel, gpuLayers: 0 });
    const foreign = other.createSampler({ temperature: 0 });
    context.clear();
    await context.read(0, tokens);
    assert.equal(await codeOf(() => context.next(0, foreign)), "NATIVE_ARGUMENT");
    await other.close();
    assert.equal(await codeOf(() => context.next(0, foreign)), "NATIVE_ARGUMENT");
    foreign.close();
    assert.equal(await codeOf(() => context.next(0, foreign)), "NATIVE_STATE");

    const second = await model.openContext({ cells: 256, threads: 1 });
    await second.read(0, tokens);
    const running = context.next(0, sampler);
    assert.equal(await codeOf(() => second.next(0, sampler)), "NATIVE_STATE");
    await running;
    await second.next(0, sampler);
    await second.close();
  });

  test("sequences beyond those of the context, full contexts and empty batches are codes", async () => {
    context.clear();
    for (const sequence of [4, 255, 256, 257, 100_000]) {
      assert.equal(await codeOf(() => context.read(sequence, tokens)), "NATIVE_ARGUMENT");
      assert.equal(
        await codeOf(() => {
          context.copySequence(0, sequence);
        }),
        "NATIVE_ARGUMENT",
      );
      assert.equal(
        await codeOf(() => {
          context.remove(sequence, 0, -1);
        }),
        "NATIVE_ARGUMENT",
      );
      assert.equal(await codeOf(() => context.restoreSequence(sequence, new Uint8Array(64))), "NATIVE_ARGUMENT");
    }
    assert.equal(await codeOf(() => context.read(0, new Int32Array(0))), "NATIVE_ARGUMENT");
    assert.equal(await codeOf(() => context.read(0, new Int32Array(513))), "NATIVE_CONTEXT_FULL");
    assert.equal(
      await codeOf(() => context.score([{ sequence: 0, tokens: new Int32Array(600) }])),
      "NATIVE_CONTEXT_FULL",
    );
    await context.read(0, new Int32Array(400));
    assert.equal(context.usedCells(0), 400);
    // 450 outputs, while one batch has 64 tokens.
    context.clear();
    assert.equal((await context.score([{ sequence: 0, tokens: new Int32Array(451) }]))[0]?.length, 450);
  });

  test("every combination of small and odd sizes works or is a code", async () => {
    const items = (count: number): { sequence: number; tokens: Int32Array }[] =>
      Array.from({ length: Math.min(count, 5) }, (_, i) => ({ sequence: i, tokens: tokens.subarray(0, 2 + i) }));
    for (const cells of [1, 255, 257]) {
      for (const batchTokens of [1, 7, 64]) {
        for (const sequences of [1, 3, 256]) {
          for (const unified of [true, false]) {
            for (const [kvType, flashAttention] of [
              ["f16", "on"],
              ["f16", "off"],
              ["q8_0", "auto"],
            ] as const) {
              if (batchTokens > cells) continue;
              const odd = await model.openContext({
                cells,
                batchTokens,
                sequences,
                unified,
                kvType,
                flashAttention,
                threads: 1,
              });
              await odd.read(sequences - 1, tokens);
              await odd.score(items(sequences - 1));
              await odd.restoreSequence(0, await odd.saveSequence(sequences - 1));
              assert.equal(odd.usedCells(0), tokens.length);
              await odd.close();
            }
          }
        }
      }
    }
  });

  test("after close every method answers with a code, and closing again is allowed", async () => {
    const closedModel = await addon.openModel({ path: scorerModel, gpuLayers: 0 });
    const closedContext = await closedModel.openContext({ cells: 256, threads: 1 });
    const closedSampler = closedModel.createSampler({ temperature: 0 });
    await closedContext.close();
    await closedModel.close();
    closedSampler.close();
    closedSampler.close();
    const closedState = state.slice(0, 1);
    closedState.close();
    closedState.close();
    for (const { object, method, args } of calls()) {
      if (object === addon) continue;
      const closed = object === model ? closedModel : object === state ? closedState : closedContext;
      assert.equal(await codeOf(() => untyped(closed)[method]?.(...args)), "NATIVE_STATE", method);
    }
    assert.equal(await codeOf(() => closedModel.openContext({ cells: 256 })), "NATIVE_STATE");
    closedContext.cancel();
    await closedContext.close();
    await closedModel.close();
  });
});
