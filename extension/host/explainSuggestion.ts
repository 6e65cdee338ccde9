import { unreachable } from "../base/unreachable.ts";
import type { Completion, CompletionPiece, CompletionShare } from "../protocol/complete.ts";
import { nothingReasons } from "../protocol/complete.ts";
import type { SuggestionPlace, SuggestionRecord } from "./completer.ts";

/** In Markdown: what became of the last request, why, what the model read for it, and how long each step took. */
export function explainSuggestion(last: SuggestionRecord | null, lastSuggested: SuggestionRecord | null): string {
  if (last === null) return "# The last suggestion\n\nNothing was suggested yet: type something in an editor.\n";
  const parts = ["# The last suggestion", explanation(last)];
  if (lastSuggested !== null && last.outcome.kind !== "suggested") {
    parts.push("# The last one before that", explanation(lastSuggested));
  }
  return `${parts.join("\n\n")}\n`;
}

function explanation(record: SuggestionRecord): string {
  const { outcome, place } = record;
  switch (outcome.kind) {
    case "off":
      return `At ${placeText(place)}: completing is off for ${outcome.language} (\`precis.complete.enabled\`).`;
    case "failed":
      return `At ${placeText(place)}: ${outcome.failure.message}`;
    case "nothing": {
      const { nothing } = outcome.completion;
      const reason = nothing === null ? "The model has nothing to add here." : nothingReasons[nothing];
      return [`At ${placeText(place)}: nothing. ${reason}`, ...details(record, outcome.completion)].join("\n\n");
    }
    case "suggested":
      return [`At ${placeText(place)}:`, indented(outcome.text), ...details(record, outcome.completion)].join("\n\n");
    default:
      return unreachable(outcome);
  }
}

function details(record: SuggestionRecord, completion: Completion): string[] {
  const parts = ["## Times", list(timeLines(record, completion))];
  if (completion.model !== null) parts.push("## Model", list(modelLines(completion)));
  if (completion.pieces.length > 0) parts.push("## What the model read", list(pieceLines(completion)));
  return parts;
}

function timeLines({ isCached, typed, waitedMs, ms }: SuggestionRecord, { figures }: Completion): string[] {
  const { waitMs, contextMs, promptMs, readMs, writeMs, totalMs } = figures;
  const { tokensRead, tokensReused, tokensWritten } = figures;
  const steps = [
    `waited for the engine ${time(waitMs)}`,
    `chose the context ${time(contextMs)}`,
    `built the prompt ${time(promptMs)}`,
    `read ${tokensRead} tokens ${time(readMs)} (${tokensReused} were read before)`,
    `wrote ${tokensWritten} tokens ${time(writeMs)}`,
  ];
  if (isCached) {
    const since = typed === 0 ? "" : ` after ${typed} of its characters had been typed`;
    return [`found among earlier suggestions in ${time(ms)}${since}`, `made in ${time(totalMs)}: ${steps.join(", ")}`];
  }
  return [`pause after the last key: ${time(waitedMs)}`, `asked and answered: ${time(ms)}`, ...steps];
}

function modelLines({ model, confidence, mode }: Completion): string[] {
  if (model === null) return [];
  const roles = { assistant: "the assistant", completer: "chosen for completing", embedded: "comes with Precis" };
  const lines = [`${model.name}: ${roles[model.role]}`];
  lines.push(
    model.fillIn === "prefix-only"
      ? "it has no format to fill in between two texts, so it reads only what stands before the cursor"
      : `fills in between two texts (${model.fillIn})`,
  );
  if (confidence > 0) lines.push(`sure of a token by ${Math.round(100 * confidence)} % on average`);
  if (mode !== null)
    lines.push(mode === "line" ? "asked for the rest of the line" : "asked up to the end of the block");
  return lines;
}

function pieceLines({ pieces, figures, budgetTokens }: Completion): string[] {
  return [`${figures.promptTokens} of ${budgetTokens} tokens`, ...pieces.map(pieceLine)];
}

function pieceLine({ share, tokens, unit, reasons }: CompletionPiece): string {
  const what = unit === undefined ? "" : ` \`${unit.path}:${unit.startLine}\` ${unit.name}`;
  const told = reasons.filter((reason) => reason !== shareNames[share]);
  const why = told.length === 0 ? "" : `: ${told.join("; ")}`;
  return `${shareNames[share]},${what} ${tokens} ${tokens === 1 ? "token" : "tokens"}${why}`;
}

const shareNames: Readonly<Record<CompletionShare, string>> = {
  digest: "digest of the repository",
  imports: "imported",
  references: "referred to",
  ranked: "ranked",
  prefix: "before the cursor",
  suffix: "after the cursor",
  template: "format",
};

function placeText({ name, line, column }: SuggestionPlace): string {
  return `\`${name}:${line}:${column}\``;
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join("\n");
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, "    ");
}

function time(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
