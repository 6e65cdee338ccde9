import { randomUUID } from "node:crypto";
import type { EngineClient } from "../client/engineClient.ts";
import type { EngineEvent, EngineEvents, KvMeter } from "../protocol/engine.ts";
import { toFailure } from "../protocol/failure.ts";
import { english } from "../protocol/sentence.ts";
import type { Answer, Citation, RankedUnit } from "../protocol/units.ts";
import { accountText, contextParams } from "./contextCommand.ts";
import type { ContextOptions } from "./contextCommand.ts";
import { withEngine } from "./openEngine.ts";
import type { CommandContext } from "./openEngine.ts";
import { rankedText } from "./rankCommand.ts";
import type { Terminal } from "./terminal.ts";
import { bytes, count, counted, decimal, heading, wrap } from "./textFormat.ts";

export interface AskOptions extends ContextOptions {
  readonly top: number;
  readonly maxTokens: number;
  readonly seed?: number;
}

/** `precis ask`: the whole way from the question to an answer with citations. Resolves to how the answer ended. */
export async function runAsk(
  question: string,
  options: AskOptions,
  context: CommandContext,
): Promise<Answer["stopReason"]> {
  const askId = randomUUID();
  return withEngine(options, context, async (client) => {
    const { signal } = context;
    const params = {
      ...(await contextParams(question, options, { client, signal })),
      askId,
      maxTokens: options.maxTokens,
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    };
    let ranked: readonly RankedUnit[] = [];
    on(client, askId, "unitsRanked", (event) => (ranked = event.ranked));
    if (!options.json) showProgress(client, askId, context.terminal, options.top);
    const answer = await client.request("ask", params, { signal });
    if (!options.json) context.terminal.print(endText(answer));
    const kv = await settle(client, answer, context);
    if (options.json) context.terminal.printJson({ ...answer, ranked: ranked.slice(0, options.top), kv });
    else if (kv !== null) context.terminal.note(cacheText(kv));
    return answer.stopReason;
  });
}

/** Waits until what was read is stored for the next question; Ctrl+C does not. Null where nothing was read. */
async function settle(client: EngineClient, answer: Answer, context: CommandContext): Promise<KvMeter | null> {
  if (answer.source === "extractive") return null;
  client.on("kvChanged", ({ kv: { compression } }) => {
    const { isRunning, tokensDone, tokensTotal } = compression;
    if (isRunning) context.terminal.progress("Keeping what was read (Ctrl+C skips): token", tokensDone, tokensTotal);
  });
  try {
    return (await client.request("settle", {}, { signal: context.signal })).kv;
  } catch (thrown) {
    if (toFailure(thrown).code !== "cancelled") throw thrown;
    return (await client.request("status", {})).kv;
  }
}

function cacheText(kv: KvMeter): string {
  const refusal = english(kv.uncompressedBecause);
  if (refusal !== "") return `KV cache: not compressed: ${refusal}`;
  const parts = [`${count(kv.cellsUsed)} cells for ${counted(kv.tokens, "token")}`];
  parts.push(kv.bytes < kv.bytesFull ? `${bytes(kv.bytesFull)} → ${bytes(kv.bytes)}` : bytes(kv.bytes));
  if (kv.compression.tokensDone > 0) {
    parts.push(`compressed ${counted(kv.compression.tokensDone, "token")} in ${count(kv.compression.ms)} ms`);
  }
  return `KV cache: ${parts.join(" · ")}`;
}

type AskEvent = { [E in EngineEvent]: EngineEvents[E] extends { readonly askId: string } ? E : never }[EngineEvent];

function on<E extends AskEvent>(
  client: EngineClient,
  askId: string,
  event: E,
  listener: (payload: EngineEvents[E]) => void,
): void {
  client.on(event, (payload) => {
    if (payload.askId === askId) listener(payload);
  });
}

function showProgress(client: EngineClient, askId: string, terminal: Terminal, top: number): void {
  on(client, askId, "unitsRanked", ({ ranked, isFinal }) => {
    // What is printed stays: an order that is about to change is not.
    if (!isFinal) return;
    const shown = Math.min(top, ranked.length);
    terminal.print(heading(`Ranked units: the first ${count(shown)} of ${count(ranked.length)}`));
    terminal.print(`${rankedText(ranked.slice(0, top))}\n`);
  });
  on(client, askId, "promptReady", ({ prompt }) => {
    terminal.print(`${accountText(prompt)}\n`);
    terminal.print(heading("Answer"));
  });
  on(client, askId, "readProgress", ({ tokensDone, tokensTotal, tokensReused }) => {
    terminal.progress(`Reading (${count(tokensReused)} tokens reused): token`, tokensDone, tokensTotal);
  });
  on(client, askId, "answerDelta", ({ text }) => {
    terminal.write(text);
  });
}

function endText(answer: Answer): string {
  const parts = [answer.text.endsWith("\n") ? "" : "\n"];
  if (answer.stopReason === "cancelled") parts.push("(stopped)\n");
  if (answer.stopReason === "length") parts.push("(cut off: --max-tokens gives it more room)\n");
  parts.push(heading("Citations"));
  parts.push(answer.citations.length === 0 ? "none" : answer.citations.map(citationText).join("\n"));
  parts.push("", figuresText(answer));
  return parts.join("\n");
}

/** `path:start-end`, ready for an editor or a terminal that makes links of it. */
function citationText(citation: Citation): string {
  if (citation.path === "") return `${citation.name ?? ""}  (occurs nowhere)`;
  const place = `${citation.path}:${citation.startLine}-${citation.endLine}`;
  const name = citation.name === undefined ? "" : `  ${citation.name}`;
  return citation.resolved ? place + name : `${place}  (does not exist)`;
}

function figuresText({ figures, source }: Answer): string {
  const times = [
    ["index", figures.indexMs],
    ["rank", figures.rankMs],
    ["prompt", figures.promptMs],
    ["load", figures.loadMs],
    ["read", figures.readMs],
    ["write", figures.writeMs],
  ] as const;
  const model =
    source === "extractive"
      ? ["no model read or wrote"]
      : [
          `${count(figures.tokensReused)} reused${figures.tokensLoaded === 0 ? "" : ` (${count(figures.tokensLoaded)} from disk)`}`,
          `read ${decimal(figures.readTokensPerSecond)} tokens/s`,
          `wrote ${count(figures.tokensWritten)} at ${decimal(figures.writeTokensPerSecond)} tokens/s`,
          `KV ${bytes(figures.kvBytes)}`,
        ];
  return wrap(
    [
      `${count(figures.tokensRaw)} → ${count(figures.tokensSent)} tokens`,
      ...model,
      ...times.map(([stage, ms]) => `${stage} ${count(ms)} ms`),
    ],
    { separator: " · ", indent: "  ", first: "" },
  );
}
