/** What can be written at the cursor of the question box: a command, a kind of mention, a file or a symbol. Pure. */
import { mentionKinds, mentionText } from "../extension/protocol/mentions.ts";
import type { MentionKind } from "../extension/protocol/mentions.ts";
import { slashCommandNames } from "../extension/protocol/slashCommands.ts";
import type { SlashCommandName } from "../extension/protocol/slashCommands.ts";
import type { MentionPlaceView } from "../extension/protocol/view.ts";

/** The unfinished word before the cursor that something can be suggested for. */
export interface Token {
  readonly kind: "command" | "mentionKind" | "file" | "symbol";
  /** Where it begins and ends in the question. */
  readonly from: number;
  readonly to: number;
  /** What was typed of it, without its marks. */
  readonly query: string;
}

export type Suggestion =
  | { readonly kind: "command"; readonly name: SlashCommandName; readonly insert: string }
  | { readonly kind: "mentionKind"; readonly name: MentionKind; readonly insert: string }
  | { readonly kind: "file" | "symbol"; readonly name: string; readonly detail: string; readonly insert: string };

export function tokenAt(question: string, caret: number): Token | null {
  const before = question.slice(0, caret);
  const command = /^\s*\/([A-Za-z-]*)$/.exec(before);
  if (command !== null) return tokenOf("command", command[1] ?? "", 1, caret);
  const mark = /(?:^|[\s([{,;])#(\w*)$/.exec(before);
  if (mark !== null) return tokenOf("mentionKind", mark[1] ?? "", 1, caret);
  const mention = /(?:^|[\s([{,;])#(file|symbol):("[^"\n]*|[^\s"]*)$/.exec(before);
  if (mention === null) return null;
  const kind = mention[1] === "file" ? "file" : "symbol";
  const written = mention[2] ?? "";
  const query = written.startsWith('"') ? written.slice(1) : written;
  return tokenOf(kind, query, written.length - query.length + kind.length + 2, caret);
}

/** Suggestions that are known without the engine. */
export function knownSuggestions({ kind, query }: Token): readonly Suggestion[] {
  const wanted = query.toLowerCase();
  if (kind === "command") {
    return slashCommandNames
      .filter((name) => name.startsWith(wanted))
      .map((name) => ({ kind: "command", name, insert: `/${name} ` }));
  }
  if (kind !== "mentionKind") return [];
  return mentionKinds
    .filter((name) => name.startsWith(wanted))
    .map((name) => ({ kind: "mentionKind", name, insert: name === "selection" ? "#selection " : `#${name}:` }));
}

/** Places that the engine found, names that several have only once. */
export function placeSuggestions(kind: "file" | "symbol", places: readonly MentionPlaceView[]): readonly Suggestion[] {
  const distinct = new Map(places.toReversed().map((place) => [place.name, place]));
  return [...distinct.values()].reverse().map(({ name, path, startLine }) => ({
    kind,
    name,
    detail: kind === "file" ? "" : `${path}:${startLine}`,
    insert: `${mentionText({ kind, name })} `,
  }));
}

/** The question with the suggestion in the token's place, and the cursor behind it. */
export function accepted(
  question: string,
  { from, to }: Token,
  { insert }: Suggestion,
): { readonly question: string; readonly caret: number } {
  const rest = question.slice(to);
  // A blank that is there already is not doubled.
  const written = insert.endsWith(" ") && rest.startsWith(" ") ? insert.slice(0, -1) : insert;
  const caret = from + written.length + (written === insert ? 0 : 1);
  return { question: question.slice(0, from) + written + rest, caret };
}

function tokenOf(kind: Token["kind"], query: string, marks: number, caret: number): Token {
  return { kind, query, from: caret - query.length - marks, to: caret };
}
