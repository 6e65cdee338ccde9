/**
 * Measures how much of a conversation is left in a prompt's share for it: turns, questions, and the sentences of answers
 * that name a place or share a word with the new question, for whole turns only (newest first, as many as fit) and for
 * `fitHistory`. The conversations are made up, so this says what is kept, and nothing of how good answers are. The last
 * line on standard output is one line of JSON.
 *
 *     npm run bench:history
 */
import { answerParts, partValuesOf } from "../../extension/pipeline/answerParts.ts";
import { fitHistory } from "../../extension/pipeline/history.ts";
import type { TokenCounter } from "../../extension/pipeline/ports.ts";
import { questionStems } from "../../extension/pipeline/relevance.ts";
import type { ConversationTurn } from "../../extension/protocol/units.ts";
import { Report } from "./report.ts";

const conversations = 200;
const turnsEach = 4;
const sentencesMin = 3;
const sentencesMax = 24;
const shares = [128, 256, 512] as const;
const counter: TokenCounter = { name: "4 characters per token", count: (text) => Math.ceil(text.length / 4) };

const things = ["valve", "bed", "journal", "sensor", "pump", "report", "alarm", "schedule"] as const;
const deeds = ["opens", "is read from", "waits for", "is written to", "is checked before", "replaces"] as const;

/** What is left of conversations, as sums over all of them. */
interface Kept {
  turns: number;
  tokens: number;
  /** Sentences that name a place or share a word with the new question, or are the first. */
  sentences: number;
}

const report = new Report((text) => process.stdout.write(text));
const random = seededRandom(7);
const cases = Array.from({ length: conversations }, () => conversation());
const total = {
  turns: cases.length * turnsEach,
  sentences: cases.reduce(
    (sum, { history, question }) => sum + sentencesIn(history, question, (turn) => turn.answer),
    0,
  ),
};
const rows = shares.flatMap((budgetTokens) => [
  { budgetTokens, method: "whole turns", ...sumOf((entry) => wholeTurns(entry, budgetTokens)) },
  { budgetTokens, method: "fitHistory", ...sumOf((entry) => fitted(entry, budgetTokens)) },
]);
report.line(`${conversations} made-up conversations of ${turnsEach} turns; tokens: ${counter.name}`);
report.table(
  "What is left of them",
  ["share", "method", "turns %", "sentences that matter %", "tokens used %"],
  rows.map(({ budgetTokens, method, turns, tokens, sentences }) => [
    String(budgetTokens),
    method,
    (100 * turns) / total.turns,
    (100 * sentences) / total.sentences,
    (100 * tokens) / (conversations * budgetTokens),
  ]),
);
report.finish({ conversations, turnsEach, rows });

interface Case {
  readonly history: readonly ConversationTurn[];
  readonly question: string;
}

function conversation(): Case {
  const history = Array.from({ length: turnsEach }, () => {
    const count = sentencesMin + Math.floor(random() * (sentencesMax - sentencesMin));
    const answer = Array.from({ length: count }, sentence).join(" ");
    return { question: `How does the ${pick(things)} work?`, answer };
  });
  return { history, question: `And what of the ${pick(things)}?` };
}

function sentence(): string {
  const text = `The ${pick(things)} ${pick(deeds)} the ${pick(things)}`;
  if (random() > 0.25) return `${text} each time.`;
  const line = 1 + Math.floor(random() * 300);
  return `${text} in \`src/${pick(things)}.ts:${line}-${line + 9}\`.`;
}

/** As it was before turns could be shortened. */
function wholeTurns({ history, question }: Case, budgetTokens: number): Kept {
  const kept: ConversationTurn[] = [];
  let tokens = 0;
  for (const turn of history.toReversed()) {
    const needed = fitHistory({ history: [turn], question, counter, budgetTokens: 1e9 }).turns[0]?.tokensRaw ?? 0;
    if (tokens + needed > budgetTokens) break;
    tokens += needed;
    kept.unshift(turn);
  }
  return { turns: kept.length, tokens, sentences: sentencesIn(kept, question, ({ answer }) => answer) };
}

function fitted({ history, question }: Case, budgetTokens: number): Kept {
  const { turns, leftOut } = fitHistory({ history, question, counter, budgetTokens });
  const texts = new Map(history.slice(leftOut).map((turn, at) => [turn, turns[at]?.text ?? ""]));
  return {
    turns: turns.length,
    tokens: turns.reduce((sum, { tokensSent }) => sum + tokensSent, 0),
    sentences: sentencesIn(history.slice(leftOut), question, (turn) => texts.get(turn) ?? ""),
  };
}

/** How many of the turns' sentences that matter stand in a text of theirs. */
function sentencesIn(
  history: readonly ConversationTurn[],
  question: string,
  textOf: (turn: ConversationTurn) => string,
): number {
  const parts = history.map(({ answer }) => answerParts(answer));
  const values = partValuesOf(parts, questionStems(question));
  return history.reduce((sum, turn, at) => {
    const matter = (parts[at] ?? []).filter((_, part) => (values[at]?.[part] ?? 0) > 0);
    return sum + matter.filter(({ text }) => textOf(turn).includes(text)).length;
  }, 0);
}

function sumOf(keep: (entry: Case) => Kept): Kept {
  const sum: Kept = { turns: 0, tokens: 0, sentences: 0 };
  for (const entry of cases) {
    const { turns, tokens, sentences } = keep(entry);
    sum.turns += turns;
    sum.tokens += tokens;
    sum.sentences += sentences;
  }
  return sum;
}

function pick<T>(values: readonly T[]): T | string {
  return values[Math.floor(random() * values.length)] ?? "";
}

/** A linear congruential generator, so that every run makes the same conversations. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
