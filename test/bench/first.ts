/**
 * Measures the way from a folder to ranked units: index time, lines per second, peak memory and index size for each
 * repository given; the time for one changed file; question to ranked units, P50 and P95, by ranker; the size of the
 * packaged extension. Works on copies, so that the repositories stay as they are. The last line on standard output
 * is one line of JSON.
 *
 *     npm run bench:first -- --repo DIR [--repo DIR …]
 *
 * The activation time needs a workbench: `npm run test:editor` prints it.
 */
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { EngineClient } from "../../extension/client/engineClient.ts";
import type { IndexSummary } from "../../extension/protocol/engine.ts";
import { english } from "../../extension/protocol/sentence.ts";
import type { RankerName } from "../../extension/protocol/settings.ts";

const root = path.resolve(import.meta.dirname, "../..");
const rankersMeasured: readonly RankerName[] = ["lexical", "static", "fused"];

/** Ordinary questions that any repository can be asked; latency does not depend on a good answer. */
const questions = [
  "Where is the configuration read?",
  "How are errors reported to the caller?",
  "How does the main loop work?",
  "Where are connections opened and closed?",
  "How is a request parsed and validated?",
  "What happens when a timeout expires?",
  "Which function writes to the log?",
  "How are retries and backoff handled?",
  "Where is the cache invalidated?",
  "How are threads or tasks scheduled?",
  "What does the default handler do?",
  "How are arguments converted from strings?",
  "Where is memory or a buffer allocated?",
  "How is the state saved and restored?",
  "Which class represents a message?",
  "How are listeners registered and removed?",
  "Where are permissions checked?",
  "How are paths normalised?",
  "What is done before shutdown?",
  "How is the version number compared?",
];

interface RepositoryFigures {
  readonly repository: string;
  readonly files: number;
  readonly units: number;
  readonly lines: number;
  readonly indexSeconds: number;
  readonly linesPerSecond: number;
  readonly peakMiB: number;
  readonly indexMiB: number;
  readonly sourceMiB: number;
  readonly unchangedMs: number;
  readonly changedFileMs: number;
  readonly rankP50Ms: Readonly<Record<string, number>>;
  readonly rankP95Ms: Readonly<Record<string, number>>;
  readonly parser: string;
}

const { values } = parseArgs({ options: { repo: { type: "string", multiple: true } } });
const repositories = values.repo ?? [root];
const rows: RepositoryFigures[] = [];
for (const repository of repositories) {
  const row = await measure(path.resolve(repository));
  rows.push(row);
  print(row);
}
const packages = existsSync(path.join(root, "dist"))
  ? readdirSync(path.join(root, "dist")).filter((name) => name.endsWith(".vsix"))
  : [];
const packageMiB = Object.fromEntries(
  packages.map((name) => [name, mebibytes(statSync(path.join(root, "dist", name)).size)]),
);
for (const [name, size] of Object.entries(packageMiB)) process.stdout.write(`${name}: ${size} MiB\n`);
process.stdout.write(
  `${JSON.stringify({ bench: "first", cores: os.availableParallelism(), cpu: os.cpus()[0]?.model, repositories: rows, packageMiB })}\n`,
);

async function measure(repository: string): Promise<RepositoryFigures> {
  const scratch = mkdtempSync(path.join(os.tmpdir(), "precis-bench-"));
  const folder = path.join(scratch, path.basename(repository));
  cpSync(repository, folder, {
    recursive: true,
    filter: (source) => !/[\\/](node_modules|\.git|dist)$/.test(source),
  });
  const client = new EngineClient({
    command: process.execPath,
    args: [path.join(root, "dist", "engine.mjs")],
    env: process.env,
    storageFolder: path.join(scratch, "storage"),
    settings: () => ({}),
  });
  try {
    await client.openWorkspace({ folder, excludeGlobs: [] });
    const summary = await client.request("index", {});
    const peakMiB = mebibytes(peakResidentBytes(client));
    const unchanged = await client.request("index", {});
    const changedFileMs = await measureChangedFiles(client, folder);
    const rankP50Ms: Record<string, number> = {};
    const rankP95Ms: Record<string, number> = {};
    for (const ranker of rankersMeasured) {
      const times = await measureQuestions(client, ranker);
      rankP50Ms[ranker] = quantile(times, 0.5);
      rankP95Ms[ranker] = quantile(times, 0.95);
    }
    return {
      repository: path.basename(repository),
      ...sizes(summary),
      peakMiB,
      unchangedMs: Math.round(unchanged.ms),
      changedFileMs,
      rankP50Ms,
      rankP95Ms,
    };
  } finally {
    await client.dispose();
    rmSync(scratch, { recursive: true, force: true });
  }
}

function sizes(summary: IndexSummary) {
  return {
    files: summary.files,
    units: summary.units,
    lines: summary.lines,
    indexSeconds: Number((summary.ms / 1000).toFixed(2)),
    linesPerSecond: Math.round(summary.lines / (summary.ms / 1000)),
    indexMiB: mebibytes(summary.indexBytes),
    sourceMiB: mebibytes(summary.bytes),
    parser: english(summary.parser),
  };
}

/** Median over five files: appends a blank line to each and updates only that path. */
async function measureChangedFiles(client: EngineClient, folder: string): Promise<number> {
  const { ranked } = await client.request("rank", { question: questions[0] ?? "", top: 50, ranker: "bm25" });
  const paths = [...new Set(ranked.map(({ unit }) => unit.path))].slice(0, 5);
  const times: number[] = [];
  for (const changed of paths) {
    appendFileSync(path.join(folder, changed), "\n");
    const started = performance.now();
    await client.request("index", { changed: [changed] });
    times.push(performance.now() - started);
  }
  return quantile(times, 0.5);
}

/** Milliseconds per question over JSON-RPC, after one question that warms caches. */
async function measureQuestions(client: EngineClient, ranker: RankerName): Promise<number[]> {
  await client.request("rank", { question: "How does it start?", top: 20, ranker });
  const times: number[] = [];
  for (const question of questions) {
    const started = performance.now();
    await client.request("rank", { question, top: 20, ranker });
    times.push(performance.now() - started);
  }
  return times;
}

/** Highest resident set size of the engine process so far; 0 where the system does not tell. */
function peakResidentBytes(client: EngineClient): number {
  if (client.state.kind !== "ready" || !existsSync(`/proc/${client.state.pid}/status`)) return 0;
  const status = readFileSync(`/proc/${client.state.pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

function quantile(times: readonly number[], fraction: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.ceil(fraction * sorted.length) - 1);
  return Number((sorted[Math.max(0, at)] ?? 0).toFixed(1));
}

function mebibytes(bytes: number): number {
  return Number((bytes / 1024 / 1024).toFixed(1));
}

function print(row: RepositoryFigures): void {
  const rank = rankersMeasured.map((name) => `${name} ${row.rankP50Ms[name] ?? 0} / ${row.rankP95Ms[name] ?? 0} ms`);
  process.stdout.write(
    [
      `${row.repository}: ${row.files} files, ${row.lines} lines, ${row.units} units (${row.parser})`,
      `  index ${row.indexSeconds} s, ${row.linesPerSecond} lines/s, peak ${row.peakMiB} MiB, ` +
        `index ${row.indexMiB} MiB for ${row.sourceMiB} MiB of source`,
      `  unchanged ${row.unchangedMs} ms, one changed file ${row.changedFileMs} ms`,
      `  question to ranked units, P50 / P95: ${rank.join(", ")}`,
      "",
    ].join("\n"),
  );
}
