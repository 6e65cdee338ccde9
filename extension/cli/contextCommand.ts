import type { EngineClient } from "../client/engineClient.ts";
import { prepareQuestion } from "../client/prepareQuestion.ts";
import type { ContextParams, PinnedPlace, UnitName } from "../protocol/engine.ts";
import { english } from "../protocol/sentence.ts";
import { fidelities, shares } from "../protocol/units.ts";
import type { Prompt, PromptPiece, Share } from "../protocol/units.ts";
import { rankerOf, withEngine } from "./openEngine.ts";
import type { CommandContext, SharedOptions } from "./openEngine.ts";
import { columns, count, counted, decimal, heading, table } from "./textFormat.ts";

export interface ContextOptions extends SharedOptions {
  readonly root?: string;
  readonly ranker?: string;
  readonly budget: number;
  readonly pin: readonly PinnedPlace[];
  readonly drop: readonly UnitName[];
}

/** `precis context`: the exact prompt for a question, piece by piece, and what was left out. */
export async function runContext(question: string, options: ContextOptions, context: CommandContext): Promise<void> {
  const { signal } = context;
  const result = await withEngine(options, context, async (client) =>
    client.request("context", await contextParams(question, options, { client, signal }), { signal }),
  );
  const { terminal } = context;
  if (options.json) {
    terminal.printJson({ question, ...result });
    return;
  }
  const rule = "─".repeat(columns);
  terminal.print(`${rule}\n${result.promptText}\n${rule}`);
  terminal.print();
  terminal.print(accountText(result.prompt));
  terminal.print();
  terminal.print(piecesText(result.prompt));
  if (result.prompt.dropped.length > 0) {
    terminal.print();
    terminal.print(droppedText(result.prompt));
  }
}

/** A question as it is written into the terminal may begin with a command and mention code, but nothing is selected. */
export async function contextParams(
  question: string,
  options: ContextOptions,
  engine: { readonly client: EngineClient; readonly signal: AbortSignal },
): Promise<ContextParams> {
  const ranker = rankerOf(options.ranker);
  const prepared = await prepareQuestion(question, { ...engine, editor: { openFile: null, selection: null } });
  return {
    ...prepared,
    budgetTokens: options.budget,
    pinned: [...prepared.pinned, ...options.pin],
    dropped: options.drop,
    ...(ranker === undefined ? {} : { ranker }),
    ...(options.root === undefined ? {} : { root: options.root }),
  };
}

/** The context's token account: share by share, raw and sent. */
export function accountText(prompt: Prompt): string {
  const ratio = prompt.tokensSent > 0 ? ` (${decimal(prompt.tokensRaw / prompt.tokensSent)}×)` : "";
  const title = `Context: ${count(prompt.tokensRaw)} tokens raw → ${count(prompt.tokensSent)} sent${ratio}`;
  const rows = [["share", "raw", "sent", ""]];
  for (const share of shares) {
    const pieces = prompt.pieces.filter((piece) => piece.share === share);
    if (pieces.length > 0) rows.push(shareRow(share, pieces));
  }
  if (prompt.dropped.length > 0) {
    const raw = prompt.dropped.reduce((sum, { tokensRaw }) => sum + tokensRaw, 0);
    rows.push(["left out", count(raw), "0", counted(prompt.dropped.length, "unit")]);
  }
  rows.push(["kept for the answer", "", count(prompt.answerReserveTokens), ""]);
  const unused = prompt.budgetTokens - prompt.answerReserveTokens - prompt.tokensSent;
  rows.push(["unused", "", count(unused), ""]);
  rows.push(["budget", "", count(prompt.budgetTokens), `counted by ${prompt.tokenizer}`]);
  return `${heading(title)}\n${table(rows, ["left", "right", "right", "left"], "  ")}`;
}

function shareRow(share: Share, pieces: readonly PromptPiece[]): string[] {
  const raw = pieces.reduce((sum, { tokensRaw }) => sum + tokensRaw, 0);
  const sent = pieces.reduce((sum, { tokensSent }) => sum + tokensSent, 0);
  const units = pieces.filter(({ unit }) => unit !== undefined);
  const detail = fidelities
    .map((fidelity) => [fidelity, units.filter((piece) => piece.fidelity === fidelity).length] as const)
    .filter(([, number]) => number > 0)
    .map(([fidelity, number]) => `${count(number)} ${fidelity}`)
    .join(", ");
  return [share, count(raw), count(sent), units.length === 0 ? "" : `${counted(units.length, "unit")}: ${detail}`];
}

function piecesText(prompt: Prompt): string {
  const rows = [["share", "raw", "sent", "fidelity", "score", "piece"]];
  for (const piece of prompt.pieces) {
    const { unit } = piece;
    const what = unit === undefined ? "" : `${unit.path}:${unit.startLine}-${unit.endLine} ${unit.qualifiedName}`;
    const score = piece.score?.toFixed(3) ?? "";
    rows.push([piece.share, count(piece.tokensRaw), count(piece.tokensSent), piece.fidelity ?? "", score, what]);
  }
  return `${heading("Pieces, in the prompt's order")}\n${table(rows, ["left", "right", "right", "left", "right", "left"], "  ")}`;
}

function droppedText(prompt: Prompt): string {
  const rows = [["raw", "score", "unit", "why"]];
  for (const { unit, score, tokensRaw, why } of prompt.dropped) {
    rows.push([count(tokensRaw), score.toFixed(3), `${unit.path}:${unit.startLine}-${unit.endLine}`, english(why)]);
  }
  return `${heading("Left out")}\n${table(rows, ["right", "right", "left", "left"], "  ")}`;
}
