/** Reads the question sets of the benchmark data folder and the checkouts they are about (its README has the layout). */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import type { Target } from "./ndcg.ts";

export interface BenchQuestion {
  readonly text: string;
  /** Kind of question, as the data names it; empty where it does not. */
  readonly category: string;
  /** Relevant and secondary ones; paths relative to the repository. */
  readonly targets: readonly Target[];
}

export interface BenchRepository {
  readonly name: string;
  readonly language: string;
  /** The folder that is indexed; it exists. */
  readonly folder: string;
  /** That folder relative to the repository, without trailing slash; empty for the whole checkout. */
  readonly prefix: string;
  readonly questions: readonly BenchQuestion[];
  /** The questions with later corrections of labels, where there are any. */
  readonly corrected: readonly BenchQuestion[] | null;
  /** Published NDCG@10 by method. */
  readonly published: Readonly<Record<string, number>>;
}

export interface BenchData {
  readonly repositories: readonly BenchRepository[];
  /** Names of those whose checkout is missing. */
  readonly missing: readonly string[];
}

/**
 * `data` holds repositories.json, questions/ and published-ndcg10.json; `checkouts` one folder per repository. Rejects
 * where the data cannot be read or has another layout.
 */
export async function readBenchData(data: string, checkouts: string): Promise<BenchData> {
  const rows = await readJson(path.join(data, "repositories.json"), z.array(repositorySchema));
  const published = await readJson(path.join(data, "published-ndcg10.json"), publishedSchema);
  const repositories: BenchRepository[] = [];
  const missing: string[] = [];
  for (const { name, language, benchmark_root: root } of rows) {
    const folder = path.join(checkouts, name, root ?? "");
    if (!existsSync(folder)) {
      missing.push(name);
      continue;
    }
    const questions = await readQuestions(path.join(data, "questions", `${name}.json`));
    const correction = path.join(data, "questions-corrected", `${name}.json`);
    repositories.push({
      name,
      language,
      folder,
      prefix: (root ?? "").replace(/\/+$/, ""),
      questions,
      corrected: existsSync(correction) ? await readQuestions(correction) : null,
      published: numbersOf(published[name]),
    });
  }
  return { repositories, missing };
}

/** A path below the indexed folder, relative to the repository. */
export function repositoryPath({ prefix }: Pick<BenchRepository, "prefix">, indexed: string): string {
  return prefix === "" ? indexed : `${prefix}/${indexed}`;
}

/** Parses one question set. Throws where it has another layout. */
export function parseQuestions(json: unknown): BenchQuestion[] {
  return z
    .array(questionSchema)
    .parse(json)
    .map(({ query, category, relevant, secondary }) => ({
      text: query,
      category,
      targets: [...relevant, ...secondary].map((target) => ({
        path: target.path,
        lines:
          target.start_line === undefined || target.end_line === undefined
            ? null
            : { startLine: target.start_line, endLine: target.end_line },
      })),
    }));
}

const repositorySchema = z.object({ name: z.string(), language: z.string(), benchmark_root: z.string().nullable() });
const targetSchema = z.union([
  z.string().transform((file) => ({ path: file, start_line: undefined, end_line: undefined })),
  z.object({ path: z.string(), start_line: z.int().optional(), end_line: z.int().optional() }),
]);
const questionSchema = z.object({
  query: z.string(),
  category: z.string().default(""),
  relevant: z.array(targetSchema),
  secondary: z.array(targetSchema).default([]),
});
const publishedSchema = z.record(z.string(), z.unknown());

async function readQuestions(file: string): Promise<BenchQuestion[]> {
  return parseQuestions(await readJson(file, z.unknown()));
}

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(JSON.parse(await readFile(file, "utf8")));
}

function numbersOf(value: unknown): Record<string, number> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}
