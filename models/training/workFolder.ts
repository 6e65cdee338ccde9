/** The files between the steps of the recipe: what they are called, and the records in them. */
import { createReadStream, existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import * as z from "zod";
import { unitKinds } from "../../extension/protocol/units.ts";
import { folderName } from "./checkouts.ts";
import { roles } from "./sources.ts";
import type { Role } from "./sources.ts";

/** A source file as it was collected. */
export const fileRecord = z.object({ path: z.string(), language: z.string(), text: z.string() });
export type FileRecord = z.infer<typeof fileRecord>;

/** A unit of `parseUnits`, as far as questions need it. */
export const unitRecord = z.object({
  path: z.string(),
  language: z.string(),
  kind: z.enum(unitKinds),
  name: z.string(),
  qualifiedName: z.string(),
  signature: z.string(),
  doc: z.string(),
  text: z.string(),
});
export type UnitRecord = z.infer<typeof unitRecord>;

export const questionKinds = ["sentence", "parameter", "heading", "name"] as const;
export type QuestionKind = (typeof questionKinds)[number];

/** A unit with a question that it answers; all lists hold words of `streamWords`. */
export const pairRecord = z.object({
  language: z.string(),
  /** Last folders and file name, at most 12 words. */
  path: z.array(z.string()),
  /** The qualified name, at most 10 words. */
  name: z.array(z.string()),
  /** The simple name. */
  own: z.array(z.string()),
  /** The documentation without the question, at most 60 words. */
  rest: z.array(z.string()),
  /** The code without documentation, at most 250 words. */
  code: z.array(z.string()),
  /** At most 32 words. */
  question: z.array(z.string()),
  text: z.string(),
  kind: z.enum(questionKinds),
});
export type PairRecord = z.infer<typeof pairRecord>;

/** A commit's subject and the files that it changed, in words of `streamWords`. */
export interface CommitRecord {
  /** 4 to 24 words. */
  readonly question: readonly string[];
  readonly text: string;
  /** One to four files, each as `path` of a `PairRecord`. */
  readonly paths: readonly (readonly string[])[];
}

/** A repository that has been collected. */
export interface Repository {
  /** `owner/name`. */
  readonly name: string;
  readonly role: Role;
}

/** The value of `--work`, default `.cache/training` below the current folder. The folder is created. */
export async function workFolder(argv: readonly string[]): Promise<string> {
  const { values } = parseArgs({ args: [...argv], options: { work: { type: "string" } }, strict: false });
  const folder = path.resolve(typeof values.work === "string" ? values.work : path.join(".cache", "training"));
  await mkdir(folder, { recursive: true });
  return folder;
}

/** The repositories of sources.used.json that have a file in this part of the work folder, by name. */
export async function collectedRepositories(work: string, part: WorkPart): Promise<readonly Repository[]> {
  const { repositories } = usedSources.parse(JSON.parse(await readFile(path.join(work, "sources.used.json"), "utf8")));
  return repositories
    .map(({ repository, role }) => ({ name: repository, role }))
    .filter(({ name }) => existsSync(recordsFile(work, part, name)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The folders of one file per repository. */
export type WorkPart = "files" | "units" | "pairs" | "commits";

export function recordsFile(work: string, part: WorkPart, repository: string): string {
  return path.join(work, part, `${folderName(repository)}.jsonl`);
}

/** One record per line. Throws at the first line that is none. Only `\n` ends a line: texts may hold U+2028. */
export async function* readRecords<T>(file: string, schema: z.ZodType<T>): AsyncGenerator<T> {
  let rest = "";
  for await (const chunk of createReadStream(file, {
    encoding: "utf8",
    highWaterMark: 1 << 20,
  }) as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield schema.parse(JSON.parse(line));
  }
  if (rest !== "") yield schema.parse(JSON.parse(rest));
}

/** `1234567` → `1,234,567`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

const usedSources = z.object({
  repositories: z.array(z.object({ repository: z.string(), role: z.enum(roles) })),
});
