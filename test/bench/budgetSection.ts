/**
 * Recall at a budget on SWE-QA: how much of what experts cite is among the ranked units that fit whole into so many
 * tokens.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type RankerName, rankerNames } from "../../extension/protocol/settings.ts";
import type { RankedUnit } from "../../extension/protocol/units.ts";
import type { BenchContext } from "./benchContext.ts";
import { differences, meanOfMeans, questionInterval, type Interval } from "./bootstrap.ts";
import { withIndex } from "./indexedFolder.ts";
import type { Target } from "./ndcg.ts";
import { intervalText } from "./report.ts";
import { rankingsOf } from "./signalRankings.ts";
import { functionsAt, parseSweQa } from "./sweQa.ts";

export const budgets = [1000, 2000, 4000, 8000] as const;
/** The product's estimate where it has no tokenizer. */
const charactersPerToken = 4;
const top = 200;

/** Shares of the cited functions, lines and files, 0…1. */
export interface Recall {
  readonly functions: number;
  readonly lines: number;
  readonly files: number;
}

export interface BudgetRow {
  readonly row: RankerName;
  /** By budget in tokens. */
  readonly recall: Readonly<Record<number, Recall>>;
  /** Recall of functions in 4,000 tokens less that of `lexical`. */
  readonly against: Interval | null;
}

export interface BudgetFigures {
  readonly repositories: readonly string[];
  readonly questions: number;
  readonly rows: readonly BudgetRow[];
}

/** Repositories of `data`/swe-qa/NAME.jsonl with a checkout in `checkouts`/swe-qa/NAME. Null where there is none. */
export async function measureBudgets(context: BenchContext): Promise<BudgetFigures | null> {
  const { data, checkouts, root } = context.options;
  const [encoder, likelihood] = [await context.encoder(), await context.likelihood()];
  const needsLikelihood: readonly RankerName[] = ["longcodezip", "likelihood"];
  const rows = rankerNames.filter((row) => likelihood !== null || !needsLikelihood.includes(row));
  /** By row: repositories, questions, budgets. */
  const found = new Map<RankerName, Recall[][][]>(rows.map((row) => [row, []]));
  const measured: string[] = [];
  for (const name of ["flask", "pytest"]) {
    const [questionsFile, folder] = [path.join(data, "swe-qa", `${name}.jsonl`), path.join(checkouts, "swe-qa", name)];
    if (!existsSync(questionsFile) || !existsSync(folder)) {
      context.report.skip(`SWE-QA on ${name}: no ${existsSync(folder) ? questionsFile : folder}`);
      continue;
    }
    const questions = parseSweQa(await readFile(questionsFile, "utf8")).slice(0, context.quick ? 5 : undefined);
    await withIndex({ folder, root, encoder }, async ({ index }) => {
      for (const group of found.values()) group.push([]);
      for (const { question, targets } of questions) {
        const functions = functionsAt(targets, (file) => index.unitsOfFile(file));
        if (functions.size === 0) continue;
        const rankings = rankingsOf(question, { source: index, encoder, likelihood }, { top, purpose: "prompt" });
        for (const row of rows) {
          const ranked = await rankings.by(row);
          found
            .get(row)
            ?.at(-1)
            ?.push(budgets.map((budget) => recallWithin(ranked, { functions, targets }, budget)));
        }
      }
    });
    measured.push(name);
  }
  if (measured.length === 0) return null;
  const finished = rows.map((row): BudgetRow => finishRow(row, found));
  context.report.table(
    `SWE-QA (${measured.join(", ")}): recall of functions / lines / files that answers cite, whole units until the budget is full`,
    ["row", ...budgets.map((budget) => `${budget} tokens`), "functions at 4000 against lexical"],
    finished.map(({ row, recall, against }) => [
      row,
      ...budgets.map((budget) => recallText(recall[budget])),
      against === null ? "" : intervalText(against),
    ]),
  );
  const questions = (found.get("lexical") ?? []).reduce((count, group) => count + group.length, 0);
  return { repositories: measured, questions, rows: finished };
}

/** Ranked units go in whole, best first; one that does not fit is passed over. */
export function recallWithin(
  ranked: readonly RankedUnit[],
  { functions, targets }: { readonly functions: ReadonlySet<string>; readonly targets: readonly Target[] },
  tokens: number,
): Recall {
  let left = tokens;
  const shown: RankedUnit["unit"][] = [];
  for (const { unit } of ranked) {
    const needed = Math.ceil(unit.text.length / charactersPerToken);
    if (needed > left) continue;
    left -= needed;
    shown.push(unit);
  }
  const cited = new Set(targets.flatMap(linesOf));
  const lines = new Set(
    shown.flatMap(({ path: file, ranges }) => ranges.flatMap((range) => linesOf({ path: file, lines: range }))),
  );
  const files = new Set(targets.map((target) => target.path));
  const share = (wanted: ReadonlySet<string>, has: (key: string) => boolean) =>
    [...wanted].filter(has).length / Math.max(1, wanted.size);
  return {
    functions: share(functions, (id) => shown.some((unit) => unit.id === id)),
    lines: share(cited, (line) => lines.has(line)),
    files: share(files, (file) => shown.some((unit) => unit.path === file)),
  };
}

function linesOf({ path: file, lines }: Target): string[] {
  if (lines === null) return [];
  return Array.from({ length: lines.endLine - lines.startLine + 1 }, (_, at) => `${file}:${lines.startLine + at}`);
}

function finishRow(row: RankerName, found: ReadonlyMap<RankerName, Recall[][][]>): BudgetRow {
  const groups = (name: RankerName, at: number, part: keyof Recall) =>
    (found.get(name) ?? []).map((group) => group.map((recalls) => recalls[at]?.[part] ?? 0));
  const recall = budgets.map((budget, at) => {
    const part = (name: keyof Recall) => meanOfMeans(groups(row, at, name));
    return [budget, { functions: part("functions"), lines: part("lines"), files: part("files") }] as const;
  });
  const at4000 = budgets.indexOf(4000);
  const gained = differences(groups(row, at4000, "functions"), groups("lexical", at4000, "functions"));
  return { row, recall: Object.fromEntries(recall), against: row === "lexical" ? null : questionInterval(gained) };
}

function recallText(recall: Recall | undefined): string {
  return recall === undefined
    ? ""
    : [recall.functions, recall.lines, recall.files].map((value) => value.toFixed(3)).join(" / ");
}
