/** SWE-QA: questions about a repository whose expert answers name files and lines. */
import * as z from "zod";
import type { Unit } from "../../extension/protocol/units.ts";
import type { Target } from "./ndcg.ts";
import { isFunction } from "./sourceFiles.ts";

/** One question with the places that its answer names, per line of JSON. */
export function parseSweQa(jsonl: string): { readonly question: string; readonly targets: readonly Target[] }[] {
  return jsonl
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const { question, answer } = recordSchema.parse(JSON.parse(line));
      return { question, targets: placesIn(answer) };
    });
}

/** `a/b.py:12-30`, and `line 12` or `lines 12-30` after a file was named. */
export function placesIn(answer: string): Target[] {
  const places: Target[] = [];
  let file = "";
  for (const match of answer.matchAll(/([\w./-]*\w\.py)(?::(\d+)(?:-(\d+))?)?|\blines? (\d+)(?:\s?[-–]\s?(\d+))?/g)) {
    const [, path = file, from = match[4], to = match[3] ?? match[5] ?? from] = match;
    // A file that was named in full before may be named in short.
    file = places.findLast((place) => place.path.endsWith(`/${path}`))?.path ?? path;
    if (file === "" || from === undefined || to === undefined) continue;
    places.push({ path: file, lines: { startLine: Number(from), endLine: Number(to) } });
  }
  return places;
}

/** Ids of the functions that overlap the places. Paths must be whole ones. */
export function functionsAt(targets: readonly Target[], unitsOfFile: (path: string) => readonly Unit[]): Set<string> {
  return new Set(
    targets.flatMap(({ path: file, lines }) =>
      unitsOfFile(file)
        .filter(isFunction)
        .filter(({ startLine, endLine }) => lines !== null && startLine <= lines.endLine && endLine >= lines.startLine)
        .map(({ id }) => id),
    ),
  );
}

const recordSchema = z.object({ question: z.string(), answer: z.string() });
