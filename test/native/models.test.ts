// Libraries and model files that cannot be used: each has its own code.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, open, readdir, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { NativeAddon, NativeContext, NativeModel } from "../../native/addon.ts";
import { writeNotGguf, writeTestModel, writeTruncatedModel } from "../support/testModels.ts";
import { codeOf, libraryFolder, loadAddon, scorerModel } from "./engine.ts";

describe("libraries and models", () => {
  let addon: NativeAddon;
  let folder: string;
  const messages: string[] = [];

  before(async () => {
    addon = await loadAddon();
    folder = await mkdtemp(path.join(os.tmpdir(), "precis-"));
    assert.equal(
      await codeOf(() => addon.loadLibrary({ directory: path.join(folder, "none") })),
      "NATIVE_LIBRARY_MISSING",
    );
    assert.equal(await codeOf(() => addon.loadLibrary({ directory: folder })), "NATIVE_LIBRARY_MISSING");
    assert.equal(await codeOf(() => addon.loadLibrary({ directory: "relative" })), "NATIVE_ARGUMENT");
    const otherRelease = await libraryOfAnotherRelease(folder);
    assert.equal(await codeOf(() => addon.loadLibrary({ directory: otherRelease })), "NATIVE_LIBRARY_MISMATCH");
    const info = addon.loadLibrary({
      directory: libraryFolder(),
      onLog: (level, message) => messages.push(`${level}: ${message}`),
    });
    assert.equal(info.release, addon.release);
    assert.ok(info.devices.some((device) => device.type === "cpu" && device.totalBytes > 0));
  });

  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const codeOfModel = (file: string): Promise<string> =>
    codeOf(async () => {
      const model = await addon.openModel({ path: file, gpuLayers: 0 });
      await model.close();
    });

  test("the library is opened once; another folder is refused", async () => {
    assert.equal(addon.loadLibrary({ directory: libraryFolder() }).directory, libraryFolder());
    assert.equal(await codeOf(() => addon.loadLibrary({ directory: folder })), "NATIVE_STATE");
  });

  test("missing, foreign, truncated and unknown models are told apart", async () => {
    const file = (name: string): string => path.join(folder, name);
    await writeTestModel({ file: file("good.gguf") });
    await writeNotGguf(file("page.gguf"));
    await writeFile(file("empty.gguf"), "");
    await writeTestModel({ file: file("unknown.gguf"), architectureName: "mystery" });
    assert.equal(await codeOfModel(file("good.gguf")), "none");
    assert.equal(await codeOfModel(file("none.gguf")), "NATIVE_MODEL_MISSING");
    assert.equal(await codeOfModel(folder), "NATIVE_MODEL_MISSING");
    assert.equal(await codeOfModel(file("page.gguf")), "NATIVE_MODEL_NOT_GGUF");
    assert.equal(await codeOfModel(file("empty.gguf")), "NATIVE_MODEL_NOT_GGUF");
    assert.equal(await codeOfModel(file("unknown.gguf")), "NATIVE_MODEL_UNSUPPORTED");
    for (const bytes of [10, 30, 1000, 100_000, undefined]) {
      await writeTruncatedModel(file("good.gguf"), file("cut.gguf"), bytes);
      assert.equal(await codeOfModel(file("cut.gguf")), "NATIVE_MODEL_TRUNCATED", `${bytes ?? "three quarters"} bytes`);
    }
  });

  test("a vocabulary file without weights is a failure with llama.cpp's own reason", async () => {
    const { vocabularyFile } = await import("../support/testModels.ts");
    const vocabulary = await vocabularyFile("llama-spm");
    await assert.rejects(addon.openModel({ path: vocabulary, gpuLayers: 0 }), {
      code: "NATIVE_MODEL_FAILED",
      message: /tensor/,
    });
  });

  test("llama.cpp's messages arrive, and progress reaches one", async () => {
    const progress: number[] = [];
    const model = await addon.openModel({ path: scorerModel, gpuLayers: 0, onProgress: (done) => progress.push(done) });
    await model.close();
    assert.equal(progress.at(-1), 1);
    assert.ok(
      progress.every((value, i) => value >= (progress[i - 1] ?? 0)),
      "progress goes up",
    );
    assert.ok(messages.some((line) => line.startsWith("info: llama_model_loader")));
  });

  describe("saved sequences", () => {
    let model: NativeModel;
    let context: NativeContext;
    let blob: Uint8Array;
    /** Of the number of cells, in front of their positions and rows. */
    let cellsAt: number;

    before(async () => {
      model = await addon.openModel({ path: scorerModel, gpuLayers: 0 });
      context = await model.openContext({ cells: 512, sequences: 2, threads: 1 });
      await context.read(
        0,
        Int32Array.from({ length: 40 }, (_, i) => i * 17),
      );
      blob = await context.saveSequence(0);
      const { info } = await context.captureSequence(0);
      cellsAt = blob.length - info.bytes - (info.cells + 1) * 4;
      assert.equal(new DataView(blob.buffer, blob.byteOffset).getUint32(cellsAt, true), 40);
    });

    after(async () => {
      await context.close();
      await model.close();
    });

    const codeOfBlob = async (changed: Uint8Array): Promise<string> => {
      await context.restoreSequence(1, blob);
      const code = await codeOf(() => context.restoreSequence(1, changed));
      if (code !== "none") assert.equal(context.usedCells(1), 0, "a refused blob leaves the sequence empty");
      return code;
    };

    test("truncated, damaged and forged ones are refused, and the sequence is empty", async () => {
      assert.equal(await codeOfBlob(blob), "none");
      for (const length of [0, 1, 19, 20, 21, 64, 1000, blob.length - 1]) {
        assert.equal(await codeOfBlob(blob.slice(0, length)), "NATIVE_BLOB_INVALID", `${length} bytes`);
        assert.equal(await codeOfBlob(signed(blob.slice(0, length))), "NATIVE_BLOB_INVALID", `${length} signed bytes`);
      }
      for (let at = 0; at < blob.length; at += 997) {
        const damaged = blob.slice();
        damaged[at] = (damaged[at] ?? 0) ^ 0x10;
        assert.equal(await codeOfBlob(damaged), "NATIVE_BLOB_INVALID", `byte ${at}`);
      }
      for (const cells of [0, 1, 39, 41, 511, 512, 513, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
        const forged = blob.slice();
        new DataView(forged.buffer).setUint32(cellsAt, cells, true);
        assert.equal(await codeOfBlob(signed(forged)), "NATIVE_BLOB_INVALID", `${cells} cells`);
      }
      assert.equal(await codeOfBlob(signed(blob.slice())), "none", "the test signs as the addon does");
    });

    test("of another model they are refused, of another cache type they are converted", async () => {
      const file = path.join(folder, "other.gguf");
      await writeTestModel({ file });
      const other = await addon.openModel({ path: file, gpuLayers: 0 });
      const foreign = await other.openContext({ cells: 256, threads: 1 });
      await foreign.read(0, Int32Array.of(1, 2, 3));
      assert.equal(await codeOfBlob(await foreign.saveSequence(0)), "NATIVE_BLOB_INVALID");
      await foreign.close();
      await other.close();
      const quantised = await model.openContext({ cells: 256, kvType: "q8_0", threads: 1 });
      await quantised.restoreSequence(0, blob);
      assert.equal(quantised.usedCells(0), 40);
      await quantised.close();
    });

    test("models of one shape but with other weights do not share them", async () => {
      const contents: Uint8Array[] = [];
      for (const seed of [1, 2]) {
        const file = path.join(folder, `seed-${seed}.gguf`);
        await writeTestModel({ file, seed });
        // The name holds the seed; make the metadata equal, so that only the weights differ.
        const handle = await open(file, "r+");
        const head = Buffer.alloc(4096);
        await handle.read(head, 0, head.length, 0);
        const at = head.indexOf(`seed ${seed}`);
        assert.ok(at > 0);
        await handle.write(Buffer.from("seed 0"), 0, 6, at);
        await handle.close();
        const seeded = await addon.openModel({ path: file, gpuLayers: 0 });
        const target = await seeded.openContext({ cells: 256, threads: 1 });
        await target.read(0, Int32Array.of(1, 2, 3));
        const previous = contents[0];
        if (previous) assert.equal(await codeOf(() => target.restoreSequence(0, previous)), "NATIVE_BLOB_INVALID");
        else contents.push(await target.saveSequence(0));
        await target.close();
        await seeded.close();
      }
    });

    test("one that is larger than the context is refused", async () => {
      const small = await model.openContext({ cells: 256, sequences: 1, threads: 1 });
      const large = await model.openContext({ cells: 1024, sequences: 1, threads: 1 });
      await large.read(0, new Int32Array(600));
      const big = await large.saveSequence(0);
      assert.equal(await codeOf(() => small.restoreSequence(0, big)), "NATIVE_CONTEXT_FULL");
      assert.equal(small.usedCells(0), 0);
      await small.close();
      await large.close();
    });
  });
});

/** The real libraries, next to a build record that names another release. */
async function libraryOfAnotherRelease(parent: string): Promise<string> {
  const target = path.join(parent, "other-release");
  await mkdir(target);
  for (const name of await readdir(libraryFolder())) {
    if (!name.endsWith(".json")) await symlink(path.join(libraryFolder(), name), path.join(target, name));
  }
  const record = { buildOptions: { llamaCpp: { release: "v0.4.0" } } };
  await writeFile(path.join(target, "_nlcBuildMetadata.json"), JSON.stringify(record));
  return target;
}

// native/core/kv-file.h
const checksumAt = 12;
const checkedFrom = 20;

/** Corrects the checksum, as a forger would. */
function signed(blob: Uint8Array<ArrayBuffer>): Uint8Array {
  if (blob.length < checkedFrom) return blob;
  const hash = new Hash64();
  hash.add(blob.subarray(checkedFrom));
  new DataView(blob.buffer).setBigUint64(checksumAt, hash.value(), true);
  return blob;
}

/** native/core/hash.h once more. */
class Hash64 {
  #state = 0xc2b2ae3d27d4eb4fn;

  add(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    for (; at + 8 <= bytes.length; at += 8) this.#mix(view.getBigUint64(at, true));
    if (at === bytes.length) return;
    let word = 0n;
    for (let i = bytes.length - 1; i >= at; i--) word = (word << 8n) | BigInt(bytes[i] ?? 0);
    this.#mix(word ^ (BigInt(bytes.length - at) << 56n));
  }

  value(): bigint {
    let mixed = this.#state;
    mixed ^= mixed >> 32n;
    mixed = BigInt.asUintN(64, mixed * 0x9e3779b97f4a7c15n);
    return mixed ^ (mixed >> 29n);
  }

  #mix(word: bigint): void {
    const mixed = BigInt.asUintN(64, (this.#state ^ word) * 0x9e3779b97f4a7c15n);
    const rotated = BigInt.asUintN(64, (mixed << 29n) | (mixed >> 35n));
    this.#state = BigInt.asUintN(64, rotated * 0xc2b2ae3d27d4eb4fn + 1n);
  }
}
