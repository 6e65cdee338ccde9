import { readFile } from "node:fs/promises";
import nodePath, { resolve } from "node:path";
import { pathBelow } from "../base/pathBelow.ts";
import { completionTextLimits, nothingReasons } from "../protocol/complete.ts";
import type { CompleteParams, Completion, CompletionPiece } from "../protocol/complete.ts";
import { Failure } from "../protocol/failure.ts";
import { english } from "../protocol/sentence.ts";
import { withEngine } from "./openEngine.ts";
import type { CommandContext, SharedOptions } from "./openEngine.ts";
import { count, decimal, heading, table } from "./textFormat.ts";

export interface CompleteOptions extends SharedOptions {
  readonly completer?: string;
  readonly budget: number;
  readonly maxTokens: number;
  readonly maxLines: number;
}

/** Line and column from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Reads `FILE:LINE:COLUMN`; null where the text is something else. */
export function parsePlace(text: string): Place | null {
  const found = /^(.+):(\d+):(\d+)$/.exec(text);
  if (found === null) return null;
  const [line, column] = [Number(found[2]), Number(found[3])];
  return line < 1 || column < 1 ? null : { file: found[1] ?? "", line, column };
}

/** `precis complete`: what would be suggested at a place of a file, and why. */
export async function runComplete(place: Place, options: CompleteOptions, context: CommandContext): Promise<void> {
  const params = await paramsAt(place, options.repo);
  const settings = {
    "complete.budgetTokens": options.budget,
    "complete.maxTokens": options.maxTokens,
    "complete.maxLines": options.maxLines,
    ...(options.completer === undefined ? {} : { "model.completer": resolve(options.completer) }),
  };
  const { signal, terminal } = context;
  const completion = await withEngine({ ...options, settings }, context, async (client) => {
    await client.request("index", {}, { signal });
    return client.request("complete", params, { signal });
  });
  if (completion.nothing === "cancelled") throw new Failure("cancelled");
  if (terminal.json) {
    terminal.printJson({ place, ...completion });
    return;
  }
  terminal.print(completion.nothing === null ? completion.text : `(nothing: ${nothingReasons[completion.nothing]})`);
  terminal.note(explanation(completion));
}

/** Fails with workspaceMissing where the file cannot be read, or has no such line. */
async function paramsAt({ file, line, column }: Place, repo: string): Promise<CompleteParams> {
  const absolute = resolve(repo, file);
  const text = await readText(absolute);
  const lines = text.split("\n");
  const own = lines[line - 1];
  if (own === undefined || column > own.length + 1) {
    throw new Failure(
      "placeMissing",
      `${file} has ${lines.length} lines${own === undefined ? "" : `, line ${line} has ${own.length} characters`}`,
    );
  }
  const offset = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
  const start = lineStartWithin(text, offset - completionTextLimits.before);
  return {
    path: pathBelow(resolve(repo), absolute, nodePath),
    location: absolute,
    language: "",
    before: text.slice(start, offset),
    after: text.slice(offset, offset + completionTextLimits.after),
    startLine: text.slice(0, start).split("\n").length,
    ...(start === 0 ? {} : { head: text.slice(0, Math.min(start, completionTextLimits.head)) }),
    trigger: "explicit",
  };
}

async function readText(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).replace(/\r\n?/g, "\n");
  } catch (error) {
    throw new Failure("placeMissing", error instanceof Error ? error.message : file, { cause: error });
  }
}

/** The first line start at or after a place. */
function lineStartWithin(text: string, from: number): number {
  if (from <= 0) return 0;
  const end = text.indexOf("\n", from - 1);
  return end < 0 ? from : end + 1;
}

function explanation({ model, mode, confidence, figures, pieces }: Completion): string {
  if (model === null) return "No model was asked.";
  const rows = [["share", "tokens", "piece"], ...pieces.map(rowOf)];
  const { promptTokens, tokensReused, tokensWritten, totalMs, contextMs, readMs, writeMs } = figures;
  const times = [
    `context ${decimal(contextMs)} ms`,
    `reading ${decimal(readMs)} ms`,
    `writing ${decimal(writeMs)} ms`,
    `all ${decimal(totalMs)} ms`,
  ];
  return [
    heading(
      `${model.name} (${model.role}, ${model.fillIn}), ${mode ?? "nothing"}, confidence ${confidence.toFixed(2)}`,
    ),
    `${count(promptTokens)} tokens read, ${count(tokensReused)} of them reused; ${count(tokensWritten)} written`,
    times.join(", "),
    table(rows, ["left", "right", "left"], "  "),
  ].join("\n");
}

function rowOf({ share, tokens, unit, reasons, text }: CompletionPiece): string[] {
  const what = unit === undefined ? JSON.stringify(text.slice(0, 40)) : `${unit.path}:${unit.startLine} ${unit.name}`;
  return [share, count(tokens), [what, reasons.map(english).join(", ")].filter((part) => part !== "").join(": ")];
}
