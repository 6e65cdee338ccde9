/** How long a completion takes through the engine's own path, and what typing costs. */
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Completions } from "../../extension/engine/completions.ts";
import { Completer, type SuggestionRequest } from "../../extension/host/completer.ts";
import type { CompleteParams, Completion } from "../../extension/protocol/complete.ts";
import type { BenchContext } from "./benchContext.ts";
import { mean, quantile } from "./bootstrap.ts";
import type { CompleteCase } from "./completeCases.ts";

interface Timed {
  readonly ms: number;
  readonly completion: Completion;
}

/** Characters typed one after another at each place. */
const typedCharacters = 8;
const { signal } = new AbortController();

/** The goal for what the cache knows: nobody sees so short a pause. */
const cachedGoalMs = 10;

/**
 * Cold: nothing of the prompt was read before. Warm: the place was asked before, and one character was typed since. Without
 * the KV cache, the stable part is made anew as well.
 */
export async function measureSpeed(
  context: BenchContext,
  cases: readonly CompleteCase[],
  { completions, folder }: { readonly completions: Completions; readonly folder: string },
): Promise<unknown> {
  const cold: Timed[] = [];
  const warm: Timed[] = [];
  const without: Timed[] = [];
  for (const found of cases) {
    // The place as it is in the indexed folder; files that are cut are not in there.
    const ask = async (typed: number): Promise<Timed> => {
      const params = paramsOf(found, typed);
      const startMs = performance.now();
      const completion = await completions.complete(params, signal);
      return { ms: performance.now() - startMs, completion };
    };
    await completions.forget();
    cold.push(await ask(0));
    for (let typed = 1; typed <= Math.min(typedCharacters, found.rest.length - 1); typed += 1)
      warm.push(await ask(typed));
    await completions.forget();
    without.push(await ask(1));
  }
  const rows = [
    ["cold", cold],
    ["warm, one character typed", warm],
    ["the same without the KV cache", without],
  ] as const;
  const figures = rows.map(([name, timed]) => figuresOf(name, timed));
  context.report.table(
    `Latency: ${cases.length} places of ${path.basename(folder)}, milliseconds; compare within this run only`,
    ["request", "P50", "P95", "reading P50", "writing P50", "prompt tokens", "re-read", "requests"],
    figures.map((row) => [
      row.name,
      row.p50,
      row.p95,
      row.readP50,
      row.writeP50,
      row.promptTokens,
      row.tokensRead,
      row.requests,
    ]),
  );
  const [first, second] = figures;
  const ratio = (second?.readP50 ?? 0) / Math.max(1e-9, first?.readP50 ?? 0);
  const whole = (second?.p50 ?? 0) / Math.max(1e-9, first?.p50 ?? 0);
  context.report.line(
    `warm ÷ cold: ${whole.toFixed(3)} of the whole request, ${ratio.toFixed(3)} of reading the prompt`,
  );
  return {
    rows: figures,
    warmToCold: whole,
    warmToColdReading: ratio,
    cached: await measureCached(context, cases, completions),
  };
}

/** What a person waits for a suggestion that is typed through, or that was fetched ahead when the one before was taken. */
async function measureCached(
  context: BenchContext,
  cases: readonly CompleteCase[],
  completions: Completions,
): Promise<unknown> {
  const completer = new Completer({
    client: {
      request: (_, params, options) => completions.complete(params as CompleteParams, options?.signal ?? signal),
    },
    nowMs: () => performance.now(),
    wait: (ms, aborted) => pause(ms, undefined, { signal: aborted }),
  });
  const typedMs: number[] = [];
  const aheadMs: number[] = [];
  for (const found of cases) {
    const suggest = async (before: string): Promise<{ readonly text: string; readonly ms: number }> => {
      const startMs = performance.now();
      const suggestion = await completer.suggest(requestOf(found, before), signal);
      return { text: suggestion?.text ?? "", ms: performance.now() - startMs };
    };
    const { text } = await suggest(found.before);
    for (let typed = 1; typed < Math.min(text.length, typedCharacters); typed += 1) {
      const { ms } = await suggest(found.before + text.slice(0, typed));
      if (completer.last?.isCached === true) typedMs.push(ms);
    }
    // Long enough for the next one to be there, as when somebody reads the suggestion.
    await completer.fetchedAhead();
    const { ms } = await suggest(found.before + text);
    if (text !== "" && completer.last?.isCached === true) aheadMs.push(ms);
  }
  completer.dispose();
  const rows = [
    { name: "typed through", times: typedMs },
    { name: "fetched ahead, then taken", times: aheadMs },
  ].map(({ name, times }) => ({ name, requests: times.length, p50: quantile(times, 0.5), p95: quantile(times, 0.95) }));
  context.report.table(
    `Suggestions without the engine, milliseconds (goal: ${cachedGoalMs})`,
    ["suggestion", "P50", "P95", "requests"],
    rows.map((row) => [row.name, row.p50, row.p95, row.requests]),
  );
  return rows;
}

function requestOf(found: CompleteCase, before: string): SuggestionRequest {
  const { path: name, language, after } = found;
  return {
    place: { name, line: 1, column: 1 },
    document: name,
    params: { path: name, language, before, after, startLine: 1, maxTokens: 16 },
    trigger: "explicit",
    syntax: () => Promise.resolve(null),
    changedMs: 0,
    debounce: { minMs: 0, maxMs: 0 },
    prefetch: true,
  };
}

function figuresOf(name: string, timed: readonly Timed[]) {
  const of = (value: (each: Timed) => number) => timed.map(value);
  return {
    name,
    requests: timed.length,
    p50: quantile(
      of(({ ms }) => ms),
      0.5,
    ),
    p95: quantile(
      of(({ ms }) => ms),
      0.95,
    ),
    readP50: quantile(
      of(({ completion }) => completion.figures.readMs),
      0.5,
    ),
    contextP50: quantile(
      of(({ completion }) => completion.figures.contextMs),
      0.5,
    ),
    writeP50: quantile(
      of(({ completion }) => completion.figures.writeMs),
      0.5,
    ),
    promptTokens: mean(of(({ completion }) => completion.figures.promptTokens)),
    tokensRead: mean(of(({ completion }) => completion.figures.tokensRead)),
  };
}

function paramsOf({ path: file, language, before, after, rest }: CompleteCase, typed: number): CompleteParams {
  return {
    path: file,
    language,
    before: before + rest.slice(0, typed),
    after,
    startLine: 1,
    trigger: "explicit",
    maxTokens: 16,
  };
}
