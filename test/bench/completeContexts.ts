/** What may stand in a completion's prompt besides the open file: ours, and what other tools put there. */
import { completionContext } from "../../extension/pipeline/completionContext.ts";
import type { CandidateSource } from "../../extension/pipeline/completionCandidates.ts";
import { controlPiece } from "../../extension/pipeline/completionPrompt.ts";
import type { FillInFormat } from "../../extension/pipeline/fillInFormat.ts";
import type { TokenCounter } from "../../extension/pipeline/ports.ts";
import type { CompletionPiece } from "../../extension/protocol/complete.ts";
import { SeededRandom } from "../../models/training/seededRandom.ts";
import type { CompleteCase, OpenedCase } from "./completeCases.ts";
import { importedFiles } from "./crossFile.ts";
import type { SourceText } from "./sourceFiles.ts";

export const contextNames = ["none", "openTabs", "ring", "precis"] as const;
export type ContextName = (typeof contextNames)[number];

export interface ContextTools {
  readonly source: CandidateSource;
  /** The files of the index. */
  readonly files: readonly SourceText[];
  readonly counter: TokenCounter;
  readonly format: FillInFormat;
  readonly textOf: (token: number) => string;
}

type ContextRow = (found: CompleteCase, opened: OpenedCase, budget: number, tools: ContextTools) => CompletionPiece[];

/** At most `budget` tokens of other files for a case. */
export const completionContexts: Readonly<Record<ContextName, ContextRow>> = {
  none: () => [],
  /** The windows of 60 lines of open files that share most words with the last 60 lines, one per file. */
  openTabs: (found, opened, budget, tools) => {
    const wanted = wordsOf(found.before.split("\n").slice(-windowLines).join("\n"));
    const windows = openFiles(found, opened, tools.files)
      .map((file) => ({ file, ...bestWindow(file.text, wanted) }))
      .filter(({ similarity }) => similarity > 0)
      .sort((a, b) => b.similarity - a.similarity);
    return written(windows, budget, tools);
  },
  /** A chunk of 64 lines of each of the files that were open last, the newest first. */
  ring: (found, opened, budget, tools) => {
    const random = new SeededRandom(`${found.path} ${found.before.length}`);
    const chunks = openFiles(found, opened, tools.files)
      .slice(0, ringChunks)
      .map((file) => {
        const lines = file.text.split("\n");
        const first = random.between(0, Math.max(0, lines.length - chunkLines));
        return { file, text: lines.slice(first, first + chunkLines).join("\n") };
      });
    return written(chunks, budget, tools);
  },
  precis: ({ language }, { open }, budget, { source, counter, format, textOf }) => {
    const comment = { line: language === "python" ? "#" : "//", block: null };
    return completionContext({ open, source, format, counter, textOf, comment, budgetTokens: budget });
  },
};

/** Copilot's neighbour snippets: windows of 60 lines, of at most 20 open files. */
const windowLines = 60;
const openFilesMax = 20;
/** llama.vscode's ring: 16 chunks of 64 lines. */
const ringChunks = 16;
const chunkLines = 64;

/**
 * The files that somebody at this place would have open, the newest first. Nobody recorded them, so they are the files
 * that the open one imports, then those of its folder, then the closest ones, all of its language.
 */
function openFiles(found: CompleteCase, { open }: OpenedCase, files: readonly SourceText[]): SourceText[] {
  const others = files.filter((file) => file.path !== found.path && file.language === found.language);
  const paths = others.map((file) => file.path);
  const imported = new Set(importedFiles(found.path, open.imports, paths));
  const random = new SeededRandom(found.path);
  const order = new Map(random.shuffled(paths).map((path, place) => [path, place]));
  const distance = (path: string): number => {
    if (imported.has(path)) return -1;
    const [own, other] = [found.path.split("/"), path.split("/")];
    let shared = 0;
    while (shared < own.length - 1 && shared < other.length - 1 && own[shared] === other[shared]) shared += 1;
    return own.length + other.length - 2 * shared;
  };
  return others
    .map((file) => ({ file, distance: distance(file.path), place: order.get(file.path) ?? 0 }))
    .sort((a, b) => a.distance - b.distance || a.place - b.place)
    .slice(0, openFilesMax)
    .map(({ file }) => file);
}

function bestWindow(text: string, wanted: ReadonlySet<string>): { readonly text: string; readonly similarity: number } {
  const lines = text.split("\n");
  const words = lines.map((line) => [...wordsOf(line)]);
  const counts = new Map<string, number>();
  let shared = 0;
  let best = { first: 0, similarity: 0 };
  for (let at = 0; at < lines.length; at += 1) {
    for (const word of words[at] ?? []) {
      const count = counts.get(word) ?? 0;
      if (count === 0 && wanted.has(word)) shared += 1;
      counts.set(word, count + 1);
    }
    for (const word of words[at - windowLines] ?? []) {
      const count = (counts.get(word) ?? 1) - 1;
      if (count > 0) counts.set(word, count);
      else {
        counts.delete(word);
        if (wanted.has(word)) shared -= 1;
      }
    }
    const isFull = at >= windowLines - 1 || at === lines.length - 1;
    const similarity = shared / (counts.size + wanted.size - shared || 1);
    if (isFull && similarity > best.similarity) best = { first: Math.max(0, at - windowLines + 1), similarity };
  }
  return { text: lines.slice(best.first, best.first + windowLines).join("\n"), similarity: best.similarity };
}

function wordsOf(text: string): Set<string> {
  return new Set(text.match(/[\p{L}_][\p{L}\p{N}_]*/gu) ?? []);
}

/** As many as fit, in this order; the last one only its first lines. The best stands last, next to the open file. */
function written(
  snippets: readonly { readonly file: SourceText; readonly text: string }[],
  budget: number,
  { counter, format, textOf }: ContextTools,
): CompletionPiece[] {
  const kept: CompletionPiece[][] = [];
  let left = budget;
  for (const { file, text } of snippets) {
    const heading: CompletionPiece[] =
      format.fileSeparator < 0
        ? [plainPiece(`${file.path}\n`, counter)]
        : [controlPiece(format.fileSeparator, textOf(format.fileSeparator)), plainPiece(`${file.path}\n`, counter)];
    left -= heading.reduce((sum, { tokens }) => sum + tokens, 0);
    const lines: string[] = [];
    let used = 0;
    for (const line of text.split("\n")) {
      const tokens = counter.count(`${line}\n`);
      if (used + tokens > left) break;
      used += tokens;
      lines.push(`${line}\n`);
    }
    if (lines.length === 0) break;
    const piece = plainPiece(lines.join(""), counter);
    left -= piece.tokens;
    kept.push([...heading, piece]);
  }
  return kept.reverse().flat();
}

function plainPiece(text: string, counter: TokenCounter): CompletionPiece {
  return { share: "ranked", text, tokens: counter.count(text), reasons: [] };
}
