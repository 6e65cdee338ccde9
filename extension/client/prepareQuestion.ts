import type { ContextParams, FindMentionsResult, PinnedPlace } from "../protocol/engine.ts";
import { Failure } from "../protocol/failure.ts";
import { mentionsIn, mentionsMax, mentionText, withoutMentionMarks } from "../protocol/mentions.ts";
import type { Mention } from "../protocol/mentions.ts";
import { english } from "../protocol/sentence.ts";
import { parseSlashLine } from "../protocol/slashCommands.ts";
import type { SlashCommandName } from "../protocol/slashCommands.ts";
import type { EngineClient } from "./engineClient.ts";

/** What the editor shows; a terminal has neither. Paths are relative to the folder that the question is about. */
export interface EditorPlace {
  readonly openFile: string | null;
  readonly selection: { readonly path: string; readonly startLine: number; readonly endLine: number } | null;
}

export interface PrepareOptions {
  readonly client: Pick<EngineClient, "request">;
  readonly editor: EditorPlace;
  readonly signal: AbortSignal;
}

/** What the engine is asked for a question as a person typed it. */
export type PreparedQuestion = Pick<ContextParams, "question" | "command"> & {
  readonly pinned: readonly PinnedPlace[];
};

/** A mentioned name may stand for so many places, e.g. the overloads of a function. */
const placesOfName = 8;

/**
 * Takes command and mentions out of a question. The folder must be open in the engine. Fails with `commandUnknown`,
 * `subjectMissing`, `selectionMissing`, `mentionMissing`, `mentionExcluded` or `mentionAmbiguous`, or as the engine does.
 */
export async function prepareQuestion(text: string, options: PrepareOptions): Promise<PreparedQuestion> {
  const { command, rest } = commandOf(text);
  const mentions = mentionsIn(rest);
  if (mentions.length > mentionsMax) {
    throw new Failure("mentionAmbiguous", `${mentions.length} mentions, at most ${mentionsMax}`);
  }
  const pinned: PinnedPlace[] = [];
  for (const mention of mentions) pinned.push(...(await placesOf(mention, options)));
  if (command === undefined) return { question: withoutMentionMarks(rest), pinned };
  if (rest !== "") return { question: withoutMentionMarks(rest), command, pinned };
  return { command, ...(await subjectOf(command, options)) };
}

function commandOf(text: string): { readonly command?: SlashCommandName; readonly rest: string } {
  const line = parseSlashLine(text);
  switch (line.kind) {
    case "plain":
      return { rest: line.rest };
    case "command":
      return { command: line.command, rest: line.rest };
    case "unknown":
      throw new Failure("commandUnknown", `/${line.name}`);
  }
}

/** A command without words is about what is selected, else about the open file. */
async function subjectOf(
  command: SlashCommandName,
  options: PrepareOptions,
): Promise<Omit<PreparedQuestion, "command">> {
  const { selection, openFile } = options.editor;
  // Searching needs words.
  if (command === "find" || (selection === null && openFile === null)) {
    throw new Failure("subjectMissing", `/${command}`);
  }
  if (selection !== null) {
    const { path, startLine, endLine } = selection;
    const pinned = await placesOf({ kind: "selection", name: "" }, options);
    return { question: `the selected code in ${path}, lines ${startLine} to ${endLine}`, pinned };
  }
  const file = openFile ?? "";
  return { question: `the file ${file}`, pinned: await placesOf({ kind: "file", name: file }, options) };
}

async function placesOf(mention: Mention, options: PrepareOptions): Promise<readonly PinnedPlace[]> {
  if (mention.kind === "selection") {
    const { selection } = options.editor;
    if (selection === null) throw new Failure("selectionMissing");
    await found({ kind: "file", name: selection.path }, options);
    return [{ ...selection, why: "selected" }];
  }
  const { places } = await found(mention, options);
  return places.map(({ path, startLine, endLine, name }) => {
    const place = { path, startLine, endLine, why: "mentioned" } as const;
    return mention.kind === "symbol" ? { ...place, qualifiedName: name } : place;
  });
}

/** The places of exactly that name; at least one. */
async function found(
  mention: Exclude<Mention, { kind: "selection" }>,
  { client, signal }: PrepareOptions,
): Promise<FindMentionsResult> {
  const { kind, name } = mention;
  const params = { kind, query: name, top: placesOfName + 1 };
  const { places, excluded } = await client.request("findMentions", params, { signal });
  if (excluded !== null) {
    throw new Failure("mentionExcluded", `${name}: ${excluded.reason}, ${english(excluded.detail)}`);
  }
  const exact = places.filter(({ isExact }) => isExact);
  if (exact.length > placesOfName) throw new Failure("mentionAmbiguous", name);
  if (exact.length > 0) return { places: exact, excluded };
  const near = places.slice(0, 3).map((place) => mentionText({ kind, name: place.name }));
  throw new Failure("mentionMissing", near.length === 0 ? name : `${name}; there is ${near.join(", ")}`);
}
