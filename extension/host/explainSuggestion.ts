import { t } from "@vscode/l10n";
import { unreachable } from "../base/unreachable.ts";
import type { Completion, CompletionPiece, CompletionShare } from "../protocol/complete.ts";
import { nothingReasons } from "../protocol/complete.ts";
import type { SuggestionPlace, SuggestionRecord } from "./completer.ts";
import { failureText } from "./failureView.ts";
import { decimal, number } from "./numberText.ts";
import { sentenceText } from "./sentenceText.ts";

/** In Markdown: what became of the last request, why, what the model read for it, and how long each step took. */
export function explainSuggestion(last: SuggestionRecord | null, lastSuggested: SuggestionRecord | null): string {
  const title = `# ${t("The last suggestion")}`;
  if (last === null) return `${title}\n\n${t("Nothing was suggested yet: type something in an editor.")}\n`;
  const parts = [title, explanation(last)];
  if (lastSuggested !== null && last.outcome.kind !== "suggested") {
    parts.push(`# ${t("The last one before that")}`, explanation(lastSuggested));
  }
  return `${parts.join("\n\n")}\n`;
}

function explanation(record: SuggestionRecord): string {
  const { outcome } = record;
  const at = placeText(record.place);
  switch (outcome.kind) {
    case "off":
      return t("At {0}: completing is off for {1} (`precis.complete.enabled`).", at, outcome.language);
    case "failed":
      return t("At {0}: {1}", at, failureText(outcome.failure));
    case "nothing": {
      const { nothing } = outcome.completion;
      const reason = t(nothingReasons[nothing ?? "modelSilent"]);
      return [t("At {0}: nothing. {1}", at, reason), ...details(record, outcome.completion)].join("\n\n");
    }
    case "suggested":
      return [t("At {0}:", at), indented(outcome.text), ...details(record, outcome.completion)].join("\n\n");
    default:
      return unreachable(outcome);
  }
}

function details(record: SuggestionRecord, completion: Completion): string[] {
  const parts = [`## ${t("Times")}`, list(timeLines(record, completion))];
  if (completion.model !== null) parts.push(`## ${t("Model")}`, list(modelLines(completion)));
  if (completion.pieces.length > 0) parts.push(`## ${t("What the model read")}`, list(pieceLines(completion)));
  return parts;
}

function timeLines({ isCached, typed, waitedMs, ms }: SuggestionRecord, { figures }: Completion): string[] {
  const { waitMs, contextMs, promptMs, readMs, writeMs, totalMs } = figures;
  const { tokensRead, tokensReused, tokensWritten } = figures;
  const steps = [
    t("waited for the engine {0}", time(waitMs)),
    t("chose the context {0}", time(contextMs)),
    t("built the prompt {0}", time(promptMs)),
    t("read {0} tokens {1} ({2} were read before)", number(tokensRead), time(readMs), number(tokensReused)),
    t("wrote {0} tokens {1}", number(tokensWritten), time(writeMs)),
  ];
  if (isCached) {
    const found =
      typed === 0
        ? t("found among earlier suggestions in {0}", time(ms))
        : t("found among earlier suggestions in {0} after {1} of its characters had been typed", time(ms), typed);
    return [found, t("made in {0}: {1}", time(totalMs), steps.join(", "))];
  }
  return [t("pause after the last key: {0}", time(waitedMs)), t("asked and answered: {0}", time(ms)), ...steps];
}

function modelLines({ model, confidence, mode }: Completion): string[] {
  if (model === null) return [];
  const roles = {
    assistant: t("the assistant"),
    completer: t("chosen for completing"),
    embedded: t("comes with Precis"),
  };
  const lines = [`${model.name}: ${roles[model.role]}`];
  lines.push(
    model.fillIn === "prefix-only"
      ? t("it has no format to fill in between two texts, so it reads only what stands before the cursor")
      : t("fills in between two texts ({0})", model.fillIn),
  );
  if (confidence > 0) lines.push(t("sure of a token by {0} % on average", Math.round(100 * confidence)));
  if (mode !== null)
    lines.push(mode === "line" ? t("asked for the rest of the line") : t("asked up to the end of the block"));
  return lines;
}

function pieceLines({ pieces, figures, budgetTokens }: Completion): string[] {
  return [t("{0} of {1} tokens", number(figures.promptTokens), number(budgetTokens)), ...pieces.map(pieceLine)];
}

function pieceLine({ share, tokens, unit, reasons }: CompletionPiece): string {
  const what = unit === undefined ? "" : ` \`${unit.path}:${unit.startLine}\` ${unit.name}`;
  const told = reasons.filter(({ text }) => text !== shareNames[share]).map(sentenceText);
  const why = told.length === 0 ? "" : `: ${told.join("; ")}`;
  const count = tokens === 1 ? t("1 token") : t("{0} tokens", number(tokens));
  return `${t(shareNames[share])},${what} ${count}${why}`;
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
  return ms < 10 ? `${decimal(ms, 1)} ms` : `${number(Math.round(ms))} ms`;
}
