/**
 * Commit needles: the subject of a small commit, asked of the tree before it, has to find what the commit changed. They
 * need git history, and are of other repositories than the question sets.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { pathKind } from "../../extension/pipeline/pathKinds.ts";
import type { LineRange, Unit } from "../../extension/protocol/units.ts";
import { answersMax, changedMax, cleanSubject, wordsMax, wordsMin } from "../../models/training/commits.ts";
import { withIndex } from "./indexedFolder.ts";
import { rankQuestion, type RankedQuestion, type RankedRepository, type RankRepositoryOptions } from "./ndcgRows.ts";
import type { Target } from "./ndcg.ts";
import { functionsAt } from "./sweQa.ts";

const run = promisify(execFile);
/** Newest commits that are looked at. */
const commitsMax = 600;
const candidatesPerNeedle = 3;
const outputBytesMax = 64 << 20;

/** A commit with the lines of its parent that it changed. */
export interface CommitNeedle {
  readonly parent: string;
  readonly subject: string;
  readonly targets: readonly Target[];
}

/** Names of the folders in `history`, sorted. */
export async function historyRepositories(history: string): Promise<string[]> {
  const entries = await readdir(history, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map(({ name }) => name)
    .sort();
}

/** Ranks at most `questionsMax` commits of a git repository, each on its own tree. Null where it has too few. */
export async function rankCommits(
  repository: string,
  { root, encoder, likelihood, questionsMax }: RankRepositoryOptions,
): Promise<RankedRepository | null> {
  const needles = await findNeedles(repository, questionsMax);
  const [first] = needles;
  if (first === undefined) return null;
  const clone = await mkdtemp(path.join(os.tmpdir(), "precis-commits-"));
  try {
    await run("git", ["clone", "-q", "--shared", "--no-checkout", repository, clone]);
    if (!(await checkOut(clone, first.parent))) return null;
    return await withIndex({ folder: clone, root, encoder }, async ({ index, summary, update }) => {
      const questions: RankedQuestion[] = [];
      for (const { parent, subject, targets } of needles) {
        if (!(await checkOut(clone, parent))) continue;
        await update();
        const functions = index.units([...functionsAt(targets, (file) => index.unitsOfFile(file))]);
        if (functions.length === 0) continue;
        const question = { text: subject, category: "commit", targets: functions.map(wholeUnit) };
        const placed = { question, corrected: question, prefix: "" };
        questions.push(await rankQuestion(placed, { source: index, encoder, likelihood }));
      }
      return {
        name: path.basename(repository),
        language: "",
        published: {},
        units: summary.units,
        indexSeconds: summary.ms / 1000,
        questions,
      };
    });
  } finally {
    await rm(clone, { recursive: true, force: true });
  }
}

function wholeUnit({ path: file, startLine, endLine }: Unit): Target {
  return { path: file, lines: { startLine, endLine } };
}

/** Spread evenly over the newest commits. What a partial copy of a repository cannot show is passed over. */
async function findNeedles(repository: string, count: number): Promise<CommitNeedle[]> {
  const log = await git(repository, ["log", "--no-merges", "-n", String(commitsMax), "--format=%H %P%x09%s"]);
  const bySubject = new Map<string, { readonly commit: string; readonly parent: string }>();
  for (const line of log.split("\n")) {
    const [, commit, parent, subject = ""] = /^(\w+) (\w+)\t(.*)$/.exec(line) ?? [];
    const text = cleanSubject(subject);
    const words = text?.split(/\s+/).length ?? 0;
    if (commit === undefined || parent === undefined || words < wordsMin || words > wordsMax) continue;
    bySubject.set(text ?? "", { commit, parent });
  }
  const candidates = [...bySubject];
  // Of three candidates about one changes a few functions of the program.
  const step = Math.max(1, Math.floor(candidates.length / (count * candidatesPerNeedle)));
  const found: CommitNeedle[] = [];
  for (let at = 0; at < candidates.length && found.length < count; at += step) {
    const [subject, { commit, parent }] = candidates[at] ?? ["", { commit: "", parent: "" }];
    const diff = await git(repository, ["diff", "-U0", "--no-renames", "--no-color", parent, commit]).catch(() => null);
    const targets = diff === null ? null : changedLines(diff);
    if (targets !== null) found.push({ parent, subject, targets });
  }
  return found;
}

/**
 * Lines before the commit that a diff without context changes or inserts at, in files of the program itself. Null where
 * there are none, or more files than one subject is about.
 */
export function changedLines(diff: string): Target[] | null {
  const targets: Target[] = [];
  const files = diff.split(/^diff --git /m).slice(1);
  if (files.length > changedMax) return null;
  for (const file of files) {
    const [, name] = /^--- a\/(.*)$/m.exec(file) ?? [];
    if (name === undefined || pathKind(name) !== null || !sourceFile.test(name)) continue;
    for (const hunk of file.matchAll(/^@@ -(\d+)(?:,(\d+))? /gm)) {
      const [start, count] = [Number(hunk[1]), Number(hunk[2] ?? 1)];
      targets.push({ path: name, lines: rangeOf(start, count) });
    }
  }
  const paths = new Set(targets.map((target) => target.path));
  return paths.size === 0 || paths.size > answersMax ? null : targets;
}

/** An insertion changes what stands before it. */
function rangeOf(start: number, count: number): LineRange {
  return { startLine: Math.max(1, start), endLine: Math.max(1, start + Math.max(0, count - 1)) };
}

/** Files that can hold functions. */
const sourceFile = /\.(?:[cm]?[jt]sx?|pyi?|go|rs|java|kts?|rb|php|[ch](?:pp|xx|c|h)?|cs|swift|scala|sc|lua|sh|bash)$/i;

/** False where the repository's copy lacks a file of the revision. */
async function checkOut(clone: string, revision: string): Promise<boolean> {
  try {
    await run("git", ["-C", clone, "checkout", "-q", "--force", "--detach", revision]);
    return true;
  } catch {
    return false;
  }
}

async function git(repository: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run("git", ["-C", repository, ...args], { maxBuffer: outputBytesMax });
  return stdout;
}
