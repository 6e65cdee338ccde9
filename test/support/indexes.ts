/** Workspaces and their indexes for tests. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { WorkspaceIndex } from "../../extension/engine/index.ts";
import type { UpdateOptions } from "../../extension/engine/index.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import type { FailureCode } from "../../extension/protocol/failure.ts";

/** Package root. */
export const root = join(import.meta.dirname, "../..");

export async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** A workspace with these files and a storage folder beside it, both gone after the test. */
export async function workspaceOf(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): Promise<{ folder: string; storageFolder: string }> {
  const base = await mkdtemp(join(tmpdir(), "precis-index-"));
  t.after(() => rm(base, { recursive: true, force: true }));
  const folder = join(base, "workspace");
  await mkdir(folder);
  await writeFiles(folder, files);
  return { folder, storageFolder: join(base, "storage") };
}

export async function openIndex(
  t: TestContext,
  place: { folder: string; storageFolder: string },
): Promise<WorkspaceIndex> {
  const index = await WorkspaceIndex.open({ ...place, root });
  t.after(() => index.close());
  return index;
}

export function updateOptions(options: Partial<UpdateOptions> = {}): UpdateOptions {
  const signal = new AbortController().signal;
  return { signal, excludeGlobs: [], ignoreGlobs: [], maxFileBytes: 1 << 20, encoder: null, ...options };
}

export function failsWith(code: FailureCode): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.code === code;
}

/** `count` Python files, each with a class of its own that uses the next one's. */
export function pythonFiles(count: number): Record<string, string> {
  const files: Record<string, string> = {};
  for (let at = 0; at < count; at += 1) {
    const other = (at + 1) % count;
    files[`pkg${at % 7}/part${at}.py`] =
      `"""Part ${at}."""\nfrom part${other} import Part${other}\n\n\nclass Part${at}:\n    """Holds number ${at}."""\n\n` +
      `    def run${at}(self, value):\n        return Part${other}().run${other}(value + ${at})\n`;
  }
  return files;
}

/** Everything a reader can see of an index, for comparing two of them. */
export function contentOf(index: WorkspaceIndex, paths: readonly string[]): unknown {
  return {
    counts: index.counts(),
    units: [...paths].sort().map((path) => index.unitsOfFile(path)),
    statistics: index.statistics(""),
    found: index.searchWords(["number", "part", "run"], 1000, ""),
    graph: index.graph(),
    vectors: index.staticVectors(),
  };
}
