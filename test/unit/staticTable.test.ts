import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { loadStaticTable } from "../../extension/engine/staticTable.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import { makeUnit } from "../support/memoryUnits.ts";
import type { SmallTable } from "../support/staticTables.ts";
import { tableBytes } from "../support/staticTables.ts";

const shipped = fileURLToPath(new URL("../../models/scorer/static.bin", import.meta.url));

/** `go` and `up` have no n-grams (two letters), so their vectors are their rows: (1, 0) and (0, 2). */
const small: SmallTable = {
  words: ["go", "up"],
  buckets: 1,
  rows: [10, 0, 0, 10, 100, 100],
  scales: [0.1, 0.2, 0.01],
  codeWeights: [1, 2],
  questionWeights: [3, 4],
};

/** What the trainer found for one question and one unit, beginnings of vectors of length 1. */
const sampleSchema = z.object({
  sample: z.object({
    question: z.string(),
    question_vector: z.array(z.number()).min(4),
    unit: z.object({ path: z.string(), name: z.string(), doc: z.string(), code: z.string() }),
    unit_vector: z.array(z.number()).min(4),
    closeness: z.number(),
  }),
});

async function readHeader(file: string): Promise<unknown> {
  const bytes = await readFile(file);
  return JSON.parse(bytes.subarray(4, 4 + bytes.readUInt32LE(0)).toString("utf8"));
}

async function withFile<T>(bytes: Uint8Array | null, use: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "precis-static-"));
  try {
    const file = join(folder, "static.bin");
    if (bytes !== null) await writeFile(file, bytes);
    return await use(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function close(actual: ArrayLike<number> | null, expected: readonly number[]): void {
  assert.ok(actual !== null);
  assert.equal(actual.length, expected.length);
  expected.forEach((value, place) => {
    assert.ok(Math.abs((actual[place] ?? Number.NaN) - value) < 1e-5, `${String(actual[place])} is not ${value}`);
  });
}

function unitLength(...vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

describe("the static table", () => {
  test("sums a question's words with their weights", async () => {
    await withFile(tableBytes(small), async (file) => {
      const encoder = await loadStaticTable(file);
      close(encoder.encodeQuestion("go up up"), unitLength(3, 16));
    });
  });

  test("gives unknown words their n-grams and a weight of their own", async () => {
    await withFile(tableBytes(small), async (file) => {
      const encoder = await loadStaticTable(file);
      // The n-gram row is (1, 1), whatever the word: 4 × (1, 1) beside 3 × (1, 0).
      close(encoder.encodeQuestion("go zyx"), unitLength(7, 4));
      assert.equal(encoder.encodeQuestion("zz"), null);
      assert.equal(encoder.encodeQuestion("?"), null);
    });
  });

  test("counts a unit's words once per field, and in code logarithmically more often", async () => {
    await withFile(tableBytes(small), async (file) => {
      const encoder = await loadStaticTable(file);
      const unit = makeUnit({ path: "go/go", name: "up", doc: "go go", text: "up up up go" });
      // path go 1×1, name up 2×2, doc go 1×0.5, code up 2×(1+ln 3), go 1; the row of up is (0, 2).
      close(encoder.encodeUnit(unit), unitLength(1 + 0.5 + 1, 2 * (4 + 2 * (1 + Math.log(3)))));
      close(encoder.encodeUnit(unit), unitLength(1 + 0.5 + 1, 2 * (4 + 2 * (1 + Math.log(3)))));
    });
  });

  test("gives the same vectors after more words than it keeps", async () => {
    await withFile(tableBytes(small), async (file) => {
      const encoder = await loadStaticTable(file);
      const word = (number: number) =>
        number.toString(26).replace(/./g, (digit) => String.fromCharCode(97 + parseInt(digit, 26)));
      const before = encoder.encodeQuestion("go up zyx");
      for (let first = 0; first < 40_000; first += 200) {
        encoder.encodeQuestion(Array.from({ length: 200 }, (_, at) => `x${word(first + at)}`).join(" "));
      }
      assert.deepEqual(encoder.encodeQuestion("go up zyx"), before);
    });
  });

  test("that is shipped gives the values of the program that trained it", async () => {
    const encoder = await loadStaticTable(shipped);
    const { sample } = sampleSchema.parse(await readHeader(shipped));
    const question = encoder.encodeQuestion(sample.question);
    const { path, name, doc, code } = sample.unit;
    const unit = encoder.encodeUnit(
      makeUnit({ path, name: name.split(".").at(-1) ?? "", qualifiedName: name, doc, text: code }),
    );
    assert.ok(question !== null && unit !== null);
    assert.equal(encoder.dimensions, 256);
    close(question.slice(0, sample.question_vector.length), sample.question_vector);
    close(unit.slice(0, sample.unit_vector.length), sample.unit_vector);
    close([question.reduce((sum, value, place) => sum + value * (unit[place] ?? 0), 0)], [sample.closeness]);
    assert.ok(sample.closeness > 0.3);
  });

  test("finds the right one of the shipped meanings", async () => {
    const encoder = await loadStaticTable(shipped);
    const question = encoder.encodeQuestion("open a network connection") ?? new Float32Array(256);
    const closeness = (name: string, text: string) => {
      const vector = encoder.encodeUnit(makeUnit({ path: "a.ts", name, text })) ?? new Float32Array(256);
      return question.reduce((sum, value, place) => sum + value * (vector[place] ?? 0), 0);
    };
    const socket = closeness("dial", "function dial(host, port) { return socket.connect(host, port); }");
    assert.ok(socket > closeness("paint", "function paint(color) { canvas.fill(color); }") + 0.1);
  });

  for (const [what, bytes] of [
    ["is missing", null],
    ["is empty", new Uint8Array(0)],
    ["is cut off in its header", tableBytes(small).subarray(0, 20)],
    ["is cut off in its rows", tableBytes(small).subarray(0, -1)],
    ["is too long", Buffer.concat([tableBytes(small), Buffer.alloc(1)])],
    ["has another format", tableBytes({ ...small, header: { format: "other" } })],
    ["has a header that is no JSON", Buffer.concat([Buffer.from([3, 0, 0, 0]), Buffer.from("no!")])],
    ["is something else altogether", Buffer.from("<html>proxy error</html>")],
  ] as const) {
    test(`is refused when it ${what}`, async () => {
      await withFile(bytes, async (file) => {
        await assert.rejects(
          loadStaticTable(file),
          (error) => error instanceof Failure && error.code === "scorerMissing" && error.detail !== "",
        );
      });
    });
  }
});
