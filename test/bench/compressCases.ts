/** Questions with the ranked units that compressors are given. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import type { UnitSource } from "../../extension/pipeline/ports.ts";
import { rankers } from "../../extension/pipeline/rank.ts";
import type { RankedUnit, Unit } from "../../extension/protocol/units.ts";
import type { BenchContext } from "./benchContext.ts";
import { withIndex } from "./indexedFolder.ts";
import type { Target } from "./ndcg.ts";
import { parseSweQa } from "./sweQa.ts";

export interface CompressCase {
  readonly question: string;
  /** Paths relative to the folder that is indexed. */
  readonly targets: readonly Target[];
  /** The expert's answer; empty where there is none. */
  readonly answer: string;
  /** Best first. */
  readonly ranked: readonly RankedUnit[];
}

export interface CompressRepository {
  readonly name: string;
  readonly cases: readonly CompressCase[];
  /** Units of the files that targets name. */
  readonly unitsOfFile: (path: string) => readonly Unit[];
}

interface Asked {
  readonly question: string;
  readonly targets: readonly Target[];
  readonly answer: string;
}

/** As many as a prompt is made of. */
const top = 200;

/** SWE-QA: answers name places with lines. Every `step`-th question. */
export async function sweQaCases(context: BenchContext, step: number): Promise<CompressRepository[]> {
  const { data, checkouts } = context.options;
  const repositories: CompressRepository[] = [];
  for (const name of ["flask", "pytest"]) {
    const [file, folder] = [path.join(data, "swe-qa", `${name}.jsonl`), path.join(checkouts, "swe-qa", name)];
    if (!existsSync(file) || !existsSync(folder)) {
      context.report.skip(`SWE-QA on ${name}: no ${existsSync(folder) ? file : folder}`);
      continue;
    }
    const text = await readFile(file, "utf8");
    const answers = text
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => answerSchema.parse(JSON.parse(line)).answer);
    const asked = parseSweQa(text).map((each, at) => ({ ...each, answer: answers[at] ?? "" }));
    const named = asked.filter(({ targets }) => targets.length > 0);
    repositories.push(await rankAll(context, name, folder, everyNth(named, step)));
  }
  return repositories;
}

/** The question sets: targets are mostly files. At most `perRepository` questions of each. */
export async function benchCases(context: BenchContext, perRepository: number): Promise<CompressRepository[]> {
  const data = await context.benchData();
  const repositories: CompressRepository[] = [];
  for (const { name, folder, prefix, questions } of data?.repositories ?? []) {
    const inside = (file: string) => (prefix === "" ? file : file.slice(prefix.length + 1));
    const asked = questions.map(({ text, targets }) => ({
      question: text,
      targets: targets.map((target) => ({ ...target, path: inside(target.path) })),
      answer: "",
    }));
    const chosen = everyNth(asked, Math.max(1, Math.floor(asked.length / perRepository))).slice(0, perRepository);
    repositories.push(await rankAll(context, name, folder, chosen));
  }
  return repositories;
}

const answerSchema = z.object({ answer: z.string() });

async function rankAll(
  context: BenchContext,
  name: string,
  folder: string,
  asked: readonly Asked[],
): Promise<CompressRepository> {
  const encoder = await context.encoder();
  return withIndex({ folder, root: context.options.root, encoder }, async ({ index }) => {
    const cases: CompressCase[] = [];
    const files = new Map<string, readonly Unit[]>();
    for (const { question, targets, answer } of asked) {
      for (const { path: file } of targets) files.set(file, index.unitsOfFile(file));
      cases.push({ question, targets, answer, ranked: await rank(question, index, encoder) });
    }
    return { name, cases, unitsOfFile: (file) => files.get(file) ?? [] };
  });
}

async function rank(
  question: string,
  source: UnitSource,
  encoder: Awaited<ReturnType<BenchContext["encoder"]>>,
): Promise<readonly RankedUnit[]> {
  const { signal } = new AbortController();
  const { ranked } = await rankers.fused(
    { question, purpose: "prompt", top, root: "" },
    { source, encoder, likelihood: null, signal },
  );
  return ranked;
}

function everyNth<T>(items: readonly T[], step: number): T[] {
  return items.filter((_, at) => at % step === 0);
}
