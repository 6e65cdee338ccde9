import type { EngineClient } from "../client/engineClient.ts";
import type { RankParams } from "../protocol/engine.ts";
import { english } from "../protocol/sentence.ts";
import type { RankedUnit } from "../protocol/units.ts";
import { rankerOf, withEngine } from "./openEngine.ts";
import type { CommandContext, SharedOptions } from "./openEngine.ts";
import { readQuestions } from "./questionsFile.ts";
import { count, heading, wrap } from "./textFormat.ts";

export interface RankOptions extends SharedOptions {
  readonly root?: string;
  readonly top: number;
  readonly ranker?: string;
  readonly questions?: string;
}

/** `precis rank`: the units that fit a question best; with `--questions`, one JSON line per question. */
export async function runRank(
  question: string | undefined,
  options: RankOptions,
  context: CommandContext,
): Promise<void> {
  const ranker = rankerOf(options.ranker);
  const questions = options.questions === undefined ? [question ?? ""] : await readQuestions(options.questions);
  const many = options.questions !== undefined;
  await withEngine(options, context, async (client) => {
    for (const [index, query] of questions.entries()) {
      if (many) context.terminal.progress("Ranking: question", index + 1, questions.length);
      const params: RankParams = {
        question: query,
        top: options.top,
        ...(ranker === undefined ? {} : { ranker }),
        ...(options.root === undefined ? {} : { root: options.root }),
      };
      await rankOne(client, params, context, many || options.json);
    }
  });
}

/** Two lines per unit: place, score and position; then what it is and why it is there. */
export function rankedText(ranked: readonly RankedUnit[]): string {
  const scores = ranked.map(({ score }) => score.toFixed(3));
  const scoreWidth = Math.max(0, ...scores.map((score) => score.length));
  const lines = ranked.map(({ unit, reasons }, index) => {
    const place = `${index + 1}`.padStart(4);
    const first = `${place}  ${(scores[index] ?? "").padStart(scoreWidth)}  ${unit.path}:${unit.startLine}-${unit.endLine}`;
    const indent = " ".repeat(8 + scoreWidth);
    const what = `${unit.kind} ${unit.qualifiedName}`;
    const second = wrap([what, ...reasons.map(english)], { separator: " · ", indent });
    return `${first}\n${second}`;
  });
  return lines.join("\n");
}

async function rankOne(
  client: EngineClient,
  params: RankParams,
  context: CommandContext,
  json: boolean,
): Promise<void> {
  const result = await client.request("rank", params, { signal: context.signal });
  if (json) {
    context.terminal.printJson({
      query: params.question,
      results: result.ranked.map(rankedJson),
      ranker: result.ranker,
      candidates: result.candidates,
      ms: result.ms,
    });
    return;
  }
  const title = `${count(result.ranked.length)} of ${count(result.candidates)} candidates by ${result.ranker}`;
  context.terminal.print(heading(`${title} in ${count(result.ms)} ms`));
  context.terminal.print(rankedText(result.ranked));
}

function rankedJson({ unit, score, reasons }: RankedUnit): object {
  return {
    path: unit.path,
    startLine: unit.startLine,
    endLine: unit.endLine,
    kind: unit.kind,
    qualifiedName: unit.qualifiedName,
    score,
    reasons,
  };
}
