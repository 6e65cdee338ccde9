/**
 * Commits as questions about files: the subject asks, the files that the commit changed are the answer,
 * `W/units` and git's history → `W/commits`.
 *   node models/training/commits.ts --work W [--mirrors DIR]
 * Without mirrors the history is cloned, without the files' contents.
 */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { pathKind } from "../../extension/pipeline/pathKinds.ts";
import { scorerPath, streamWords } from "../../extension/pipeline/scorerText.ts";
import { readLog } from "./checkouts.ts";
import { readNeverTrain, readSources } from "./sources.ts";
import { collectedRepositories, formatCount, readRecords, recordsFile, unitRecord, workFolder } from "./workFolder.ts";
import type { CommitRecord, Repository } from "./workFolder.ts";

/** Newest commits of a repository that are looked at. */
export const commitsMax = 4000;
/** A commit that changes more files of the program is about none of them. */
export const answersMax = 4;
/** Files of all kinds; more are moves and reformatting. */
export const changedMax = 20;
export const wordsMin = 4;
export const wordsMax = 24;

/** A commit as `git log` tells it. */
export interface Commit {
  readonly author: string;
  readonly subject: string;
  /** Paths of the files that it changed. */
  readonly files: readonly string[];
}

/** Format and options of `git log` that `parseLog` reads. */
export const logOptions = ["--no-merges", "--no-renames", "--name-only", "--format=%x01%an <%ae>%n%s"] as const;

export function parseLog(log: string): Commit[] {
  return log
    .split("\u0001")
    .slice(1)
    .map((entry) => {
      const [author = "", subject = "", ...files] = entry.split("\n");
      return { author, subject, files: files.filter((file) => file !== "") };
    });
}

/** The questions of a repository's commits, each subject once. `known` holds the paths of its units. */
export function commitQuestions(commits: readonly Commit[], known: ReadonlySet<string>): CommitRecord[] {
  const bySubject = new Map<string, CommitRecord>();
  for (const commit of commits) {
    const text = isByProgram(commit.author) ? null : cleanSubject(commit.subject);
    const answers = text === null ? null : answersOf(commit.files, known);
    if (text === null || answers === null) continue;
    const question = streamWords(text);
    const key = question.join(" ");
    if (question.length < wordsMin || question.length > wordsMax || bySubject.has(key)) continue;
    bySubject.set(key, { question, text, paths: answers.map(pathWords) });
  }
  return [...bySubject.values()];
}

/** A subject without its kind, scope and issue numbers; null where it does not say what the program does. */
export function cleanSubject(subject: string): string | null {
  const kind = /^([\w./-]+)(?:\([^)]*\))?!?:\s+/.exec(subject);
  if (kind !== null && otherKinds.has((kind[1] ?? "").toLowerCase())) return null;
  const text = subject
    .slice(kind?.[0].length ?? 0)
    .replaceAll(issueReference, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
  return text === "" || otherWorkBegins.test(text) || otherWork.test(text) ? null : text;
}

/** The repositories whose history may be read: none that a benchmark is about. */
export function withoutBenchmarks(
  repositories: readonly Repository[],
  neverTrain: ReadonlyMap<string, string>,
): Repository[] {
  return repositories.filter(({ name }) => !neverTrain.has(name.toLowerCase()));
}

/** The words of a path as pairs.ts writes them: equal words mean the same file. */
export function pathWords(file: string): string[] {
  return streamWords(scorerPath({ path: file })).slice(-pathWordsMax);
}

const pathWordsMax = 12;

/** Kinds of conventional commits that change no behaviour. */
const otherKinds = new Set(["build", "chore", "ci", "deps", "doc", "docs", "release", "style", "test", "tests"]);
const issueReference = /\(?(?:\b(?:gh-|pr |issue ))?#\d+\)?|\(?\bgh-\d+\)?|\[[^\]]*\]|\b[A-Z]{2,}-\d+\b:?/gi;
const otherWorkBegins =
  /^(?:merge|revert|bump|release|version|v?\d|update (?:dep|change|version)|prepare|backport|wip|chore|ci|docs?|tests?|automated|rename|reformat)\b/i;
const otherWork =
  /\b(?:change-?log|readme|copyright|licen[cs]es?|typos?|spelling|whitespace|lint(?:er|ing)?|travis|github actions|rubocop|prettier|gofmt|clippy|eslint|mypy|clang-format)\b/i;

function isByProgram(author: string): boolean {
  return /\[bot\]|\bbot\b|dependabot|renovate|greenkeeper|github-actions|pre-commit-ci/i.test(author);
}

/** The changed files of the program itself that have units; null where there are none or too many. */
function answersOf(files: readonly string[], known: ReadonlySet<string>): string[] | null {
  if (files.length > changedMax) return null;
  const answers = files.filter((file) => known.has(file) && pathKind(file) === null);
  return answers.length === 0 || answers.length > answersMax ? null : answers;
}

async function pathsOfUnits(work: string, repository: string): Promise<Set<string>> {
  const paths = new Set<string>();
  for await (const unit of readRecords(recordsFile(work, "units", repository), unitRecord)) paths.add(unit.path);
  return paths;
}

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  const work = await workFolder(argv);
  const { values } = parseArgs({ args: argv, options: { work: { type: "string" }, mirrors: { type: "string" } } });
  const mirrors = values.mirrors === undefined ? null : path.resolve(values.mirrors);
  const sources = await readSources(new URL("./sources.json", import.meta.url));
  const neverTrain = await readNeverTrain(new URL("./neverTrain.json", import.meta.url));
  const repositories = withoutBenchmarks(await collectedRepositories(work, "units"), neverTrain);
  await mkdir(path.join(work, "commits"), { recursive: true });
  const counts = { train: 0, heldOut: 0 };
  for (const { name, role } of repositories) {
    const revision = sources.find(({ repository }) => repository === name)?.revision;
    if (revision === undefined) throw new Error(`${name} is not in sources.json.`);
    const log = await readLog({ repository: name, revision, mirrors, work }, commitsMax, logOptions);
    const questions = commitQuestions(parseLog(log), await pathsOfUnits(work, name));
    await writeFile(recordsFile(work, "commits", name), questions.map((one) => `${JSON.stringify(one)}\n`).join(""));
    counts[role] += questions.length;
    process.stdout.write(`${name}: ${formatCount(questions.length)}\n`);
  }
  process.stdout.write(
    `${formatCount(counts.train)} commits to train on, ${formatCount(counts.heldOut)} held out, ${repositories.length} repositories\n`,
  );
}

if (import.meta.main) await main();
