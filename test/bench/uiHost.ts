/** Runs inside an extension host (bench:ui): prints what Precis costs it, as one line of JSON behind `figures:`. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as vscode from "vscode";
import type { PrecisApi } from "../../extension/host/api.ts";

export interface HostFigures {
  /** Evaluating the bundle plus `activate`; null without the extension. */
  readonly activationMs: number | null;
  /** After a garbage collection, with the folder indexed and a question answered. */
  readonly heapBytes: number;
}

export async function run(): Promise<void> {
  const installed = vscode.extensions.getExtension<PrecisApi>("precis.precis");
  const activationMs = installed === undefined ? null : await use(await installed.activate());
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What a first collection finalises, a second one frees.
  collect();
  collect();
  const figures: HostFigures = { activationMs, heapBytes: process.memoryUsage().heapUsed };
  console.log(`figures: ${JSON.stringify(figures)}`);
}

/** What a person does: lets the folder be indexed, opens a file, and asks. Resolves to the milliseconds of activation. */
async function use({ index, conversation, activationMs }: PrecisApi): Promise<number> {
  await index.ready(new AbortController().signal);
  const [file] = await vscode.workspace.findFiles("**/*.{ts,py}", null, 1);
  if (file !== undefined) await vscode.window.showTextDocument(file);
  await conversation.ask("How is it decided which beds are watered?");
  return activationMs;
}
