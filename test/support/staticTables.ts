/** Static tables for tests. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { loadStaticTable } from "../../extension/engine/staticTable.ts";
import type { TableEncoder } from "../../extension/engine/staticTable.ts";

export interface SmallTable {
  readonly words: readonly string[];
  readonly buckets: number;
  readonly rows: readonly number[];
  readonly scales: readonly number[];
  readonly codeWeights: readonly number[];
  readonly questionWeights: readonly number[];
  readonly header?: Readonly<Record<string, unknown>>;
}

/** The file of a table, two dimensions unless the header says otherwise. */
export function tableBytes(table: SmallTable): Buffer {
  const header = JSON.stringify({
    format: "codeB1",
    dim: 2,
    words: table.words,
    buckets: table.buckets,
    field_weights: { path: 1, name: 2, code: 1, doc: 0.5 },
    oov_code: 3,
    oov_query: 4,
    ...table.header,
  });
  const floats = (values: readonly number[]) => Buffer.from(Float32Array.from(values).buffer);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(header));
  const weights = [floats(table.scales), floats(table.codeWeights), floats(table.questionWeights)];
  return Buffer.concat([length, Buffer.from(header), Buffer.from(Int8Array.from(table.rows).buffer), ...weights]);
}

/** A table of three dimensions in which every word of three letters and more has a vector, by `seed` another one. */
export async function seededTable(t: TestContext, seed: number): Promise<TableEncoder> {
  const folder = await mkdtemp(join(tmpdir(), "precis-table-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const buckets = 31;
  const file = join(folder, "static.bin");
  const bytes = tableBytes({
    words: [],
    buckets,
    rows: Array.from({ length: buckets * 3 }, (_, at) => ((at * 37 + seed * 11) % 201) - 100),
    scales: Array.from({ length: buckets }, () => 0.01),
    codeWeights: [],
    questionWeights: [],
    header: { dim: 3 },
  });
  await writeFile(file, bytes);
  return loadStaticTable(file);
}
