/**
 * The workspace on disk: finds the files worth indexing, says why the others are not, and reads them as text.
 *
 * Order is deterministic: a folder's files by name, then its folders by name. Folders that are left out count once, not
 * per file below. Links are followed only to places inside the workspace that were not walked anyway.
 */
import { createHash } from "node:crypto";
import type { Dirent, Stats } from "node:fs";
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import nodePath, { basename, dirname, join } from "node:path";
import { pathBelow } from "../base/pathBelow.ts";
import { sentence } from "../protocol/sentence.ts";
import type { SkippedFile, SkipReason } from "../protocol/units.ts";
import { attempt, bytesInWords, errorCode, readAtMost, realFolder } from "./disk.ts";
import { IgnoreRules } from "./ignoreRules.ts";
import { holdsPrivateKey, isSecretFolder, isSecretPath } from "./secrets.ts";
import { decodeText, skipByName, skipByText, vendoredFolder } from "./skip.ts";
import type { Skip } from "./skip.ts";

export interface WorkspaceOptions {
  /** Absolute path; may be a link. */
  readonly folder: string;
  /** files.exclude and search.exclude, relative to the folder. */
  readonly excludeGlobs: readonly string[];
  /** Own ignore globs, written as in a .gitignore. */
  readonly ignoreGlobs: readonly string[];
  readonly maxFileBytes: number;
  /** Id of the grammar for a path; null where there is none. */
  readonly grammarOf: (path: string) => string | null;
}

/** A file that is worth reading. */
export interface FoundFile {
  readonly path: string;
  /** Id of a grammar, or `text` for prose. */
  readonly language: string;
  readonly bytes: number;
  readonly mtimeMs: number;
}

export type WalkEntry =
  { readonly kind: "file"; readonly file: FoundFile } | { readonly kind: "skipped"; readonly skipped: SkippedFile };

export type ReadResult =
  | { readonly kind: "text"; readonly text: string; readonly contentHash: string; readonly bytes: number }
  | { readonly kind: "skipped"; readonly skipped: SkippedFile }
  /** The file is gone. */
  | { readonly kind: "missing" };

/** Prose that helps to answer questions. Other data (JSON, YAML, …) would drown the code. */
const proseName = /\.(?:md|mdx|markdown|rst|adoc|txt)$/i;
/** `lstat` calls under way at once. */
const statsAtOnce = 64;
/** A .gitignore beyond this is data. */
const ignoreFileBytesMax = 1 << 20;

interface PendingFolder {
  readonly path: string;
  readonly rules: IgnoreRules;
  readonly siblings: ReadonlySet<string>;
}

interface WalkState {
  readonly pending: PendingFolder[];
  readonly links: { readonly path: string; readonly rules: IgnoreRules }[];
  /** Real folders walked and files found, relative. */
  readonly seen: Set<string>;
  readonly signal: AbortSignal;
}

export class Workspace {
  /** Real path of the folder. */
  readonly folder: string;
  readonly #options: WorkspaceOptions;

  private constructor(folder: string, options: WorkspaceOptions) {
    this.folder = folder;
    this.#options = options;
  }

  /** Throws `Failure` workspaceMissing where the folder does not exist, is not a folder or may not be read. */
  static async open(options: WorkspaceOptions): Promise<Workspace> {
    return new Workspace(await realFolder(options.folder), options);
  }

  /** Everything below the folder. Throws the signal's reason when aborted. */
  async *walk(signal: AbortSignal): AsyncGenerator<WalkEntry> {
    const state = newState(signal);
    state.pending.push({ path: "", rules: await this.#rootRules(), siblings: new Set() });
    yield* this.#drain(state);
  }

  /** One path and, where it is a folder, everything below it. Nothing where it does not exist. */
  async *inspect(path: string, signal: AbortSignal): AsyncGenerator<WalkEntry> {
    const segments = path.split("/");
    let rules = await this.#rootRules();
    let siblings: ReadonlySet<string> = new Set<string>();
    for (let depth = 0; depth < segments.length; depth += 1) {
      signal.throwIfAborted();
      const folder = segments.slice(0, depth).join("/");
      const entries = await readEntries(join(this.folder, folder));
      if (!Array.isArray(entries)) return;
      const names = new Set(entries.map((entry) => entry.name));
      if (depth > 0) {
        const skip = this.#skipFolder(folder, names, siblings, rules);
        if (skip !== null) {
          yield skipped(`${folder}/`, skip);
          return;
        }
      }
      rules = await this.#enter({ path: folder, rules, siblings }, names);
      siblings = names;
    }
    const state = newState(signal);
    const found = await attempt(() => lstat(join(this.folder, path)));
    if (found instanceof Error) return;
    if (found.isDirectory()) state.pending.push({ path, rules, siblings });
    else yield this.#classify(path, found, rules);
    yield* this.#drain(state);
  }

  /** Whether a change of these paths can alter what is found elsewhere, so that `inspect` is not enough. */
  async needsWalk(paths: readonly string[]): Promise<boolean> {
    for (const path of paths) {
      if (basename(path) === ".gitignore") return true;
      const real = await attempt(() => realpath(join(this.folder, path)));
      if (!(real instanceof Error) && real !== join(this.folder, path)) return true;
    }
    return false;
  }

  /** Reads a found file as text with `\n` line ends, unless its content says that it should be skipped. */
  async read(file: FoundFile): Promise<ReadResult> {
    const bytes = await attempt(() => readAtMost(join(this.folder, file.path), this.#options.maxFileBytes + 1));
    if (bytes instanceof Error) {
      if (errorCode(bytes) === "ENOENT") return { kind: "missing" };
      return skipped(file.path, unreadable(bytes));
    }
    if (bytes.length > this.#options.maxFileBytes) return skipped(file.path, this.#tooLarge(bytes.length));
    const decoded = decodeText(bytes);
    if ("reason" in decoded) return skipped(file.path, decoded);
    if (holdsPrivateKey(decoded.text)) {
      return skipped(file.path, { reason: "secret", detail: sentence("it contains a private key") });
    }
    const skip = skipByText(decoded.text, file.language);
    if (skip !== null) return skipped(file.path, skip);
    const contentHash = createHash("sha256").update(bytes).digest("hex");
    return { kind: "text", text: decoded.text, contentHash, bytes: bytes.length };
  }

  async *#drain(state: WalkState): AsyncGenerator<WalkEntry> {
    for (;;) {
      const folder = state.pending.pop();
      if (folder !== undefined) yield* this.#walkFolder(folder, state);
      else {
        const link = state.links.shift();
        if (link === undefined) return;
        yield* this.#followLink(link.path, link.rules, state);
      }
    }
  }

  async *#walkFolder(folder: PendingFolder, state: WalkState): AsyncGenerator<WalkEntry> {
    state.signal.throwIfAborted();
    const entries = await readEntries(join(this.folder, folder.path));
    if (!Array.isArray(entries)) {
      if (errorCode(entries) !== "ENOENT") yield skipped(`${folder.path}/`, unreadable(entries));
      return;
    }
    const names = new Set(entries.map((entry) => entry.name));
    if (folder.path !== "") {
      const skip = this.#skipFolder(folder.path, names, folder.siblings, folder.rules);
      if (skip !== null) {
        yield skipped(`${folder.path}/`, skip);
        return;
      }
    }
    state.seen.add(folder.path);
    const rules = await this.#enter(folder, names);
    const files: string[] = [];
    const folders: PendingFolder[] = [];
    for (const entry of entries) {
      const path = folder.path === "" ? entry.name : `${folder.path}/${entry.name}`;
      if (entry.name === ".git") continue;
      if (entry.isDirectory()) folders.push({ path, rules, siblings: names });
      else if (entry.isSymbolicLink()) state.links.push({ path, rules });
      else files.push(path);
    }
    for (const next of folders.reverse()) state.pending.push(next);
    yield* this.#classifyAll(files, rules, state);
  }

  async *#classifyAll(paths: readonly string[], rules: IgnoreRules, state: WalkState): AsyncGenerator<WalkEntry> {
    for (let start = 0; start < paths.length; start += statsAtOnce) {
      state.signal.throwIfAborted();
      const batch = paths.slice(start, start + statsAtOnce);
      const found = await Promise.all(
        batch.map(async (path) => {
          const skip = this.#skipPath(path, rules);
          return skip ?? (await attempt(() => lstat(join(this.folder, path))));
        }),
      );
      for (const [at, path] of batch.entries()) {
        const result = found[at];
        if (result === undefined) continue;
        if (result instanceof Error) {
          if (errorCode(result) !== "ENOENT") yield skipped(path, unreadable(result));
        } else if ("reason" in result) yield skipped(path, result);
        else {
          state.seen.add(path);
          yield this.#classify(path, result, rules);
        }
      }
    }
  }

  #classify(path: string, stats: Stats, rules: IgnoreRules): WalkEntry {
    const skip = this.#skipPath(path, rules);
    if (skip !== null) return skipped(path, skip);
    if (!stats.isFile()) return skipped(path, { reason: "unreadable", detail: sentence("it is not a regular file") });
    if (stats.size > this.#options.maxFileBytes) return skipped(path, this.#tooLarge(stats.size));
    const language = this.#languageOf(path) ?? "text";
    return { kind: "file", file: { path, language, bytes: stats.size, mtimeMs: stats.mtimeMs } };
  }

  /** Skips that need no look at the file itself. */
  #skipPath(path: string, rules: IgnoreRules): Skip | null {
    const language = this.#languageOf(path);
    if (isSecretPath(path, language))
      return { reason: "secret", detail: sentence("its name says that it holds secrets") };
    const { why } = rules.excludes(path);
    if (why !== null) return { reason: "ignored", detail: why };
    const named = skipByName(basename(path));
    if (named !== null) return named;
    if (language === null) return { reason: "unknownLanguage", detail: sentence("no grammar for this kind of file") };
    return null;
  }

  #skipFolder(
    path: string,
    names: ReadonlySet<string>,
    siblings: ReadonlySet<string>,
    rules: IgnoreRules,
  ): Skip | null {
    const name = basename(path);
    if (name === ".git") return { reason: "ignored", detail: sentence("git's own folder") };
    if (isSecretFolder(name)) return { reason: "secret", detail: sentence("its name says that it holds secrets") };
    const { why } = rules.excludes(`${path}/`);
    if (why !== null) return { reason: "ignored", detail: why };
    const vendored = vendoredFolder(name, names, siblings);
    return vendored === null ? null : { reason: "vendored", detail: vendored };
  }

  /** The rules for a folder's inside. */
  async #enter(folder: PendingFolder, names: ReadonlySet<string>): Promise<IgnoreRules> {
    let rules = folder.rules;
    if (folder.path !== "" && rules.excludes(`${folder.path}/`).reincluded) rules = rules.inside(folder.path);
    if (!names.has(".gitignore")) return rules;
    const own = folder.path === "" ? ".gitignore" : `${folder.path}/.gitignore`;
    const text = await readIgnoreFile(join(this.folder, own));
    return text === null ? rules : rules.with(text, own, folder.path);
  }

  /** Settings, .git/info/exclude, and the .gitignore files above the workspace where it is a part of a repository. */
  async #rootRules(): Promise<IgnoreRules> {
    let rules = IgnoreRules.of(this.#options);
    const above: string[] = [];
    for (let folder = this.folder; ; folder = dirname(folder)) {
      if (!((await attempt(() => stat(join(folder, ".git")))) instanceof Error)) {
        above.push(folder);
        break;
      }
      if (dirname(folder) === folder) return rules;
      above.push(folder);
    }
    const repository = above.at(-1) ?? this.folder;
    const exclude = await readIgnoreFile(join(repository, ".git", "info", "exclude"));
    if (exclude !== null) rules = rules.with(exclude, ".git/info/exclude", "", prefixOf(repository, this.folder));
    for (const folder of above.slice(1).reverse()) {
      const text = await readIgnoreFile(join(folder, ".gitignore"));
      if (text !== null) rules = rules.with(text, `${folder}/.gitignore`, "", prefixOf(folder, this.folder));
    }
    return rules;
  }

  /** Followed last, so that a real place always wins over a link to it. */
  async *#followLink(path: string, rules: IgnoreRules, state: WalkState): AsyncGenerator<WalkEntry> {
    state.signal.throwIfAborted();
    const real = await attempt(() => realpath(join(this.folder, path)));
    if (real instanceof Error) {
      yield errorCode(real) === "ELOOP"
        ? skipped(path, { reason: "symlinkLoop", detail: sentence("a link that leads to itself") })
        : skipped(path, { reason: "unreadable", detail: sentence("a link that leads nowhere") });
      return;
    }
    if (real === this.folder) {
      yield skipped(path, { reason: "symlinkLoop", detail: sentence("a link to the workspace itself") });
      return;
    }
    const target = pathBelow(this.folder, real, nodePath);
    if (target === null) {
      yield skipped(path, { reason: "ignored", detail: sentence("a link to a place outside the workspace") });
      return;
    }
    const stats: Stats | Error = await attempt(() => stat(real));
    if (stats instanceof Error) {
      yield skipped(path, unreadable(stats));
      return;
    }
    if (state.seen.has(target)) {
      yield skipped(path, {
        reason: "symlinkLoop",
        detail: sentence("a link to `{0}`, which is indexed itself", target),
      });
      return;
    }
    if (isSecretPath(target, this.#languageOf(target)) || target.split("/").some(isSecretFolder)) {
      yield skipped(path, { reason: "secret", detail: sentence("a link to a file that holds secrets") });
      return;
    }
    if (target.split("/").includes(".git")) {
      yield skipped(path, { reason: "ignored", detail: sentence("git's own folder") });
      return;
    }
    state.seen.add(target);
    if (!stats.isDirectory()) {
      yield this.#classify(path, stats, rules);
      return;
    }
    // A folder that contains the link would be walked through it again and again.
    if (`${path}/`.startsWith(`${target}/`)) {
      yield skipped(path, { reason: "symlinkLoop", detail: sentence("a link to `{0}`, in which it lies", target) });
      return;
    }
    state.pending.push({ path, rules, siblings: new Set() });
  }

  #languageOf(path: string): string | null {
    return this.#options.grammarOf(path) ?? (proseName.test(path) ? "text" : null);
  }

  #tooLarge(bytes: number): Skip {
    const limit = this.#options.maxFileBytes;
    const detail = sentence("{0} is over the limit of {1}", bytesInWords(bytes), bytesInWords(limit));
    return { reason: "tooLarge", detail };
  }
}

function newState(signal: AbortSignal): WalkState {
  return { pending: [], links: [], seen: new Set(), signal };
}

function skipped(path: string, { reason, detail }: Skip): { readonly kind: "skipped"; readonly skipped: SkippedFile } {
  return { kind: "skipped", skipped: { path, reason, detail } };
}

function unreadable(error: Error): Skip {
  return { reason: "unreadable" satisfies SkipReason, detail: sentence("it cannot be read ({0})", errorCode(error)) };
}

async function readEntries(folder: string): Promise<Dirent[] | Error> {
  const entries = await attempt(() => readdir(folder, { withFileTypes: true }));
  if (entries instanceof Error) return entries;
  return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

async function readIgnoreFile(file: string): Promise<string | null> {
  const bytes = await attempt(() => readAtMost(file, ignoreFileBytesMax));
  return bytes instanceof Error ? null : new TextDecoder().decode(bytes);
}

function prefixOf(above: string, folder: string): string {
  const path = pathBelow(above, folder, nodePath);
  return path === null ? "" : `${path}/`;
}
