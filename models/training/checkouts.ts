/** Reads the files of a repository at one revision straight from git's store; nothing is checked out. */
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";

export interface TreeFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  /** Git's id of the content. */
  readonly object: string;
  /** Size of the content; 0 for what the store lacks. */
  readonly bytes: number;
  /** A symbolic link: its content is the path it points to. */
  readonly link: boolean;
  readonly executable: boolean;
}

/** An opened repository. Must be closed. */
export interface Checkout {
  readonly revision: string;
  /** In git's order, submodules left out. */
  readonly files: readonly TreeFile[];
  /** The content, or null where the store lacks it. Reads run one after the other. */
  read(file: TreeFile): Promise<Buffer | null>;
  close(): Promise<void>;
}

export interface CheckoutPlace {
  /** `owner/name` on GitHub. */
  readonly repository: string;
  /** Full commit id. */
  readonly revision: string;
  /** Folder of local mirrors (`owner+name/repo`, bare or with `.git`); null to clone. */
  readonly mirrors: string | null;
  /** Work folder; clones are kept in its `checkouts`. */
  readonly work: string;
  /** Where `owner/name` is cloned from; GitHub by default. */
  readonly origin?: string;
}

/**
 * Opens a repository at a revision, from the mirror where one is given, else from a shallow clone that is made once.
 * Throws an Error with a sentence where the mirror or the revision is missing or git fails.
 */
export async function openCheckout(place: CheckoutPlace): Promise<Checkout> {
  const gitFolder = place.mirrors === null ? await cloned(place) : mirrorFolder(place.mirrors, place.repository);
  const { revision } = place;
  if (!(await holdsCommit(gitFolder, revision))) {
    const head = (await git(gitFolder, ["rev-parse", "HEAD"])).toString("utf8").trim();
    throw new Error(`${place.repository} does not hold the revision ${revision}; its newest one is ${head}.`);
  }
  const files = parseTree(await git(gitFolder, ["ls-tree", "-r", "-l", "-z", revision]));
  const reader = new BlobReader(gitFolder);
  return {
    revision,
    files,
    read: (file) => reader.read(file.object),
    close: () => reader.close(),
  };
}

/**
 * What `git log` says of the newest `commitsMax` commits up to a revision, from the mirror where one is given, else from
 * a clone without the files' contents that is made once. Throws an Error as `openCheckout` does.
 */
export async function readLog(place: CheckoutPlace, commitsMax: number, options: readonly string[]): Promise<string> {
  const { repository, revision, mirrors } = place;
  const gitFolder = mirrors === null ? await clonedHistory(place, commitsMax) : mirrorFolder(mirrors, repository);
  const log = ["-c", "core.quotePath=false", "log", `--max-count=${commitsMax}`, ...options, revision];
  return (await git(gitFolder, log)).toString("utf8");
}

/** The bare git folder of a mirror. Throws where there is none. */
export function mirrorFolder(mirrors: string, repository: string): string {
  const folder = path.join(mirrors, folderName(repository), "repo");
  const inner = path.join(folder, ".git");
  if (existsSync(inner)) return inner;
  if (existsSync(path.join(folder, "HEAD"))) return folder;
  throw new Error(`There is no mirror of ${repository}.`);
}

/** `owner/name` as a file name. */
export function folderName(repository: string): string {
  return repository.replace("/", "+");
}

const environment = { ...process.env, GIT_NO_LAZY_FETCH: "1", GIT_TERMINAL_PROMPT: "0", GIT_CONFIG_NOSYSTEM: "1" };

/** Reads contents through one `git cat-file --batch`. */
class BlobReader {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<void>;
  #waiting: Promise<unknown> = Promise.resolve();
  #chunks: Buffer[] = [];
  #length = 0;
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(gitFolder: string) {
    this.#process = spawn("git", [`--git-dir=${gitFolder}`, "cat-file", "--batch"], { env: environment });
    this.#process.stderr.resume();
    this.#process.stdout.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake?.();
    });
    this.#exited = new Promise((resolve) => {
      const end = (): void => {
        this.#ended = true;
        this.#wake?.();
        resolve();
      };
      this.#process.on("close", end);
      this.#process.on("error", end);
    });
    // What is written after git's death fails on the reading side.
    this.#process.stdin.on("error", () => {
      this.#ended = true;
    });
  }

  read(object: string): Promise<Buffer | null> {
    const result = this.#waiting.then(() => this.#readOne(object));
    this.#waiting = result.catch(() => null);
    return result;
  }

  async close(): Promise<void> {
    await this.#waiting;
    this.#process.stdin.end();
    await this.#exited;
  }

  async #readOne(object: string): Promise<Buffer | null> {
    this.#process.stdin.write(`${object}\n`);
    const header = (await this.#takeLine()).split(" ");
    if (header[1] === "missing") return null;
    const bytes = Number(header[2]);
    if (!Number.isSafeInteger(bytes)) throw new Error(`git answered: ${header.join(" ")}`);
    return (await this.#take(bytes + 1)).subarray(0, bytes);
  }

  async #takeLine(): Promise<string> {
    for (;;) {
      const joined = this.#joined();
      const end = joined.indexOf(10);
      if (end >= 0) return (await this.#take(end + 1)).subarray(0, end).toString("utf8");
      await this.#more();
    }
  }

  async #take(bytes: number): Promise<Buffer> {
    while (this.#length < bytes) await this.#more();
    const joined = this.#joined();
    const rest = joined.subarray(bytes);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return joined.subarray(0, bytes);
  }

  #joined(): Buffer {
    const [only] = this.#chunks;
    if (only !== undefined && this.#chunks.length === 1) return only;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }

  async #more(): Promise<void> {
    if (this.#ended) throw new Error("git ended while files were read");
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = null;
  }
}

/** A clone of that one commit below the work folder. */
function cloned(place: CheckoutPlace): Promise<string> {
  return clonedAs(`${folderName(place.repository)}.git`, ["--depth=1"], place);
}

/** A clone of the commits up to that one and of their lists of files. */
function clonedHistory(place: CheckoutPlace, commits: number): Promise<string> {
  return clonedAs(`${folderName(place.repository)}.history.git`, ["--filter=blob:none", `--depth=${commits}`], place);
}

async function clonedAs(
  name: string,
  options: readonly string[],
  { repository, revision, work, origin = "https://github.com" }: CheckoutPlace,
): Promise<string> {
  const folder = path.join(work, "checkouts", name);
  if (existsSync(folder) && (await holdsCommit(folder, revision))) return folder;
  const part = `${folder}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true });
  await git(part, ["init", "--quiet", "--bare"]);
  await git(part, ["remote", "add", "origin", `${origin}/${repository}`]);
  await git(part, ["fetch", "--quiet", ...options, "origin", revision]);
  await rm(folder, { recursive: true, force: true });
  await rename(part, folder);
  return folder;
}

async function holdsCommit(gitFolder: string, revision: string): Promise<boolean> {
  if (!/^[0-9a-f]{40}$/.test(revision)) throw new Error(`${revision} is no full commit id.`);
  return (await runGit(gitFolder, ["cat-file", "-e", `${revision}^{tree}`])).code === 0;
}

/** `mode type object size<TAB>path`, ended by NUL. */
function parseTree(listing: Buffer): TreeFile[] {
  return listing
    .toString("utf8")
    .split("\0")
    .flatMap((line) => {
      const [, mode = "", type, object = "", size = "", file = ""] =
        /^(\d+) (\w+) ([0-9a-f]+) +(\S+)\t([\s\S]+)$/.exec(line) ?? [];
      const bytes = Number(size);
      if (type !== "blob") return [];
      return [
        {
          path: file,
          object,
          bytes: Number.isFinite(bytes) ? bytes : 0,
          link: mode === "120000",
          executable: mode === "100755",
        },
      ];
    });
}

async function git(gitFolder: string, args: readonly string[]): Promise<Buffer> {
  const { code, output, errors } = await runGit(gitFolder, args);
  if (code !== 0) throw new Error(`git ${args[0] ?? ""} failed: ${errors.trim()}`);
  return output;
}

async function runGit(
  gitFolder: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly output: Buffer; readonly errors: string }> {
  const child = spawn("git", [`--git-dir=${gitFolder}`, ...args], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, output: Buffer.concat(output), errors: Buffer.concat(errors).toString("utf8") };
}
