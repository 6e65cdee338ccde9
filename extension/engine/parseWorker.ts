/** A worker thread of the engine: parses the texts it is given, encodes their units, and prepares them for the index. */
import { parentPort, workerData } from "node:worker_threads";
import type { Grammar } from "../pipeline/ports.ts";
import { parseUnits } from "../pipeline/parse.ts";
import { Failure, toFailure } from "../protocol/failure.ts";
import { isSentence, sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { ParsedFile } from "../protocol/units.ts";
import { openGrammars } from "./grammars.ts";
import type { ParseAnswer, ParseTask } from "./parsePool.ts";
import { recordOf } from "./parseRecord.ts";
import type { FileRecord } from "./parseRecord.ts";
import { loadStaticTable } from "./staticTable.ts";
import type { TableEncoder } from "./staticTable.ts";

if (parentPort === null) throw new Error("parseWorker runs as a worker thread only");
const port = parentPort;
const { root } = workerData as { readonly root: string };
const grammars = await openGrammars({ root });

port.on("message", (task: ParseTask) => {
  void parse(task).then((answer) => {
    port.postMessage(answer, answer.kind === "parsed" ? buffersOf(answer.record) : []);
  });
});
port.postMessage({ kind: "ready" } satisfies ParseAnswer);

let table: Promise<TableEncoder> | null = null;
let tableFile = "";

async function parse({ path, text, language, table: file }: ParseTask): Promise<ParseAnswer> {
  try {
    const grammar = language === "text" ? null : await grammarOrProblem(language);
    const parsed = parseUnits({ path, text, language }, isSentence(grammar) ? null : grammar);
    const encoder = file === null ? null : await encoderOf(file);
    return { kind: "parsed", record: recordOf(withProblem(parsed, grammar), { text, language }, encoder) };
  } catch (error) {
    return { kind: "failed", message: messageOf(error) };
  }
}

/** Null where it cannot be read any longer; the file then stays without vectors until the next update. */
async function encoderOf(file: string): Promise<TableEncoder | null> {
  if (table === null || tableFile !== file) {
    table = loadStaticTable(file);
    tableFile = file;
  }
  try {
    return await table;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    table = null;
    return null;
  }
}

/** What is handed over to the engine's thread without a copy. */
function buffersOf({ packedText, wordBags, vectors }: FileRecord): ArrayBuffer[] {
  return [packedText.buffer, wordBags.buffer, ...(vectors === null ? [] : [vectors.buffer])];
}

/** A grammar that does not load costs the cut into units, not the file. */
async function grammarOrProblem(language: string): Promise<Grammar | Sentence> {
  try {
    return await grammars.grammar(language);
  } catch (error) {
    const { detail } = toFailure(error);
    return sentence("A language's grammar could not be loaded. Reinstall Precis. ({0})", detail);
  }
}

function withProblem(parsed: ParsedFile, grammar: Grammar | Sentence | null): ParsedFile {
  if (!isSentence(grammar)) return parsed;
  return { ...parsed, problems: [...parsed.problems, { path: parsed.path, line: 1, message: grammar }] };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
