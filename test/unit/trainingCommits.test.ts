import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { readLog } from "../../models/training/checkouts.ts";
import {
  cleanSubject,
  commitQuestions,
  logOptions,
  parseLog,
  pathWords,
  withoutBenchmarks,
} from "../../models/training/commits.ts";
import { makeGitRepository } from "../support/gitRepositories.ts";

const known = new Set(["src/http/retry.ts", "src/http/client.ts", "src/a.ts", "src/b.ts", "src/c.ts", "test/retry.ts"]);
const retries = { author: "Ann <ann@example.invalid>", subject: "Retry failed requests twice", files: ["src/a.ts"] };

test("a commit's subject asks for the files of the program that it changed", () => {
  const files = ["src/http/retry.ts", "test/retry.ts", "README.md", "src/gone.ts"];
  assert.deepEqual(
    commitQuestions([{ ...retries, subject: "feat(http): Retry failed requests (#12)", files }], known),
    [],
  );
  assert.deepEqual(
    commitQuestions([{ ...retries, subject: "feat(http): Retry failed GET requests (#12)", files }], known),
    [
      {
        question: ["retry", "failed", "get", "requests"],
        text: "Retry failed GET requests",
        paths: [["src", "http", "retry", "ts"]],
      },
    ],
  );
});

test("a commit that changes many files, or none that is known, asks nothing", () => {
  const program = ["src/http/retry.ts", "src/http/client.ts", "src/a.ts", "src/b.ts", "src/c.ts"];
  const many = ["src/a.ts", ...Array.from({ length: 20 }, (_, at) => `docs/${at}.md`)];
  for (const files of [program, many, ["test/retry.ts"], ["other.ts"], []]) {
    assert.deepEqual(commitQuestions([{ ...retries, files }], known), [], files.join(" "));
  }
  assert.equal(commitQuestions([{ ...retries, files: program.slice(1) }], known)[0]?.paths.length, 4);
});

test("programs' commits and repeated subjects are left out", () => {
  const bot = { ...retries, author: "dependabot[bot] <bot@example.invalid>" };
  assert.deepEqual(commitQuestions([bot], known), []);
  assert.equal(commitQuestions([retries, { ...retries, subject: "retry failed requests twice." }], known).length, 1);
});

test("subjects of very few or very many words are no questions", () => {
  assert.deepEqual(commitQuestions([{ ...retries, subject: "Mend the parser" }], known), []);
  assert.deepEqual(commitQuestions([{ ...retries, subject: "again and ".repeat(13) }], known), []);
});

test("a subject loses its kind, its scope and the numbers of issues", () => {
  assert.equal(cleanSubject("fix(parser)!: keep blank lines"), "keep blank lines");
  assert.equal(cleanSubject("net/http: keep connections open  [skip ci]"), "keep connections open");
  assert.equal(cleanSubject("Close idle sockets (gh-123), fixes #7 ABC-9"), "Close idle sockets , fixes");
  assert.equal(cleanSubject("Allow a: b in headers"), "Allow a: b in headers");
});

test("what says nothing about the program is no subject", () => {
  for (const subject of [
    "docs: explain how retries work",
    "chore(deps): something or other",
    'Revert "Retry failed requests"',
    "Merge the branch of retries",
    "v1.2.3 with retries",
    "Bump the parser to a new version",
    "Fix a typo in the retry loop",
    "Mention retries in the changelog",
    "(#12)",
  ]) {
    assert.equal(cleanSubject(subject), null, subject);
  }
});

test("a path has the words that pairs have", () => {
  assert.deepEqual(pathWords("packages/core/src/http/retryPolicy.ts"), [
    "core",
    "src",
    "http",
    "retry",
    "policy",
    "ts",
  ]);
});

test("no history of a benchmark's repository is read", () => {
  const repositories = [
    { name: "One/Alpha", role: "train" },
    { name: "two/beta", role: "heldOut" },
  ] as const;
  assert.deepEqual(withoutBenchmarks(repositories, new Map([["one/alpha", "a benchmark"]])), [repositories[1]]);
});

test("a log is read from a mirror, or from a clone that is made once", async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), "precis-commits-"));
  context.after(() => rm(folder, { recursive: true }));
  const remote = path.join(folder, "remote", "one", "alpha");
  makeGitRepository(remote, { "src/ä b.ts": "1\n", "src/a.ts": "2\n" });
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", remote, "-c", "user.name=Ann", "-c", "user.email=ann@example.invalid", ...args], {
      encoding: "utf8",
    }).trim();
  appendFileSync(path.join(remote, "src", "ä b.ts"), "3\n");
  git("commit", "--quiet", "--all", "--message", "Count to three\n\nAnd no further.");
  git("config", "uploadpack.allowFilter", "true");
  const revision = git("rev-parse", "HEAD");
  const place = { repository: "one/alpha", revision, work: path.join(folder, "work") };
  const origin = pathToFileURL(path.join(folder, "remote")).href;
  const read = async (mirrors: string | null, commits: number) =>
    parseLog(await readLog({ ...place, mirrors, origin }, commits, logOptions));

  const all = await read(null, 2);
  assert.deepEqual(
    all.map(({ subject, files }) => ({ subject, files })),
    [
      { subject: "Count to three", files: ["src/ä b.ts"] },
      { subject: "all", files: ["src/a.ts", "src/ä b.ts"] },
    ],
  );
  assert.equal(all[0]?.author, "Ann <ann@example.invalid>");
  const mirrors = path.join(folder, "mirrors");
  await mkdir(path.join(mirrors, "one+alpha"), { recursive: true });
  await rename(remote, path.join(mirrors, "one+alpha", "repo"));
  assert.deepEqual(await read(null, 2), all, "the remote is not asked again");
  assert.deepEqual(await read(mirrors, 1), all.slice(0, 1));
  await assert.rejects(readLog({ ...place, mirrors: folder }, 1, logOptions), /There is no mirror of one\/alpha/);
});
