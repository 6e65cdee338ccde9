import { t } from "@vscode/l10n";
import type { CitationView, TurnView } from "../protocol/view.ts";

export interface ExportedConversation {
  readonly title: string;
  /** The folder that the questions are about, or null. */
  readonly folder: string | null;
  /** Oldest first. */
  readonly turns: readonly TurnView[];
}

/** Questions, answers, citations and figures as a Markdown document. Links are relative to the folder. */
export function conversationMarkdown({ title, folder, turns }: ExportedConversation): string {
  const about = folder === null ? [] : [t("About the folder {0}", `**${escaped(folder)}**`)];
  return `${[`# ${escaped(title)}`, ...about, ...turns.flatMap(turnParts)].join("\n\n")}\n`;
}

function turnParts(turn: TurnView): string[] {
  // A quoted question keeps its lines, whatever they begin with.
  const parts = ["---", turn.question.replace(/^/gm, "> ")];
  parts.push(`_${new Date(turn.askedMs).toISOString().replace("T", " ").slice(0, 16)} UTC_`);
  if (turn.text !== "") parts.push(withClosedFence(turn.text.trim()));
  if (turn.stopReason === "cancelled") parts.push(`_${t("Stopped.")}_`);
  if (turn.stopReason === "length") parts.push(`_${t("The answer reached its token limit.")}_`);
  if (turn.failure !== null) {
    const { sentence, detail } = turn.failure;
    parts.push(`**${escaped(detail === "" ? sentence : `${sentence} (${detail})`)}**`);
  }
  if (turn.citations.length > 0) {
    parts.push(
      [`${t("Citations")}:`, "", ...turn.citations.map((citation) => `- ${citationText(citation)}`)].join("\n"),
    );
  }
  if (turn.figures !== "") parts.push(`_${turn.figures}_`);
  return parts;
}

function citationText(citation: CitationView): string {
  const { path, startLine, endLine, resolved, name } = citation;
  const lines = startLine === 0 ? "" : startLine === endLine ? `:${startLine}` : `:${startLine}-${endLine}`;
  const label = escaped(path === "" ? (name ?? "") : path + lines);
  if (!resolved) return `~~${label}~~ ${t("(does not exist)")}`;
  const target = `${path.split("/").map(encodeURIComponent).join("/")}${startLine === 0 ? "" : `#L${startLine}`}`;
  return `[${label}](${target})${name === undefined ? "" : ` ${escaped(name)}`}`;
}

/** What an answer that was cut off inside a code block would swallow stays outside. */
function withClosedFence(text: string): string {
  let open = "";
  for (const line of text.split("\n")) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
    if (open === "") open = mark;
    else if (mark.startsWith(open) && line.trim() === mark) open = "";
  }
  return open === "" ? text : `${text}\n${open}`;
}

/** As plain text: one line, and nothing in it means anything to Markdown. */
function escaped(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\`*_{}[\]<>()#~|!]/g, "\\$&");
}
