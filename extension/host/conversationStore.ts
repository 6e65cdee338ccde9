import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { conversationJson, conversationTitle, isConversationId, parseConversation } from "../protocol/conversation.ts";
import type { StoredConversation } from "../protocol/conversation.ts";

/** Conversations kept per workspace; those that were not used for longest go first. */
export const conversationsMax = 100;
/** Of one conversation; its oldest turns go first. Larger files are not read. */
export const conversationBytesMax = 2 << 20;
/** Of all of them. */
export const storeBytesMax = 32 << 20;

export type ConversationContent = Pick<StoredConversation, "id" | "createdMs" | "updatedMs" | "turns">;

export interface ConversationSummary {
  readonly id: string;
  readonly title: string;
  readonly updatedMs: number;
  readonly questions: number;
}

export interface ConversationList {
  /** Last used first. */
  readonly conversations: readonly ConversationSummary[];
  /** Files that hold no conversation of this version; they are left alone. */
  readonly refused: readonly string[];
}

interface FoundFile extends ConversationSummary {
  readonly bytes: number;
}

/**
 * The conversations of one workspace: a folder with a file for each, so that damage costs one and windows that share the
 * folder do not write over each other's. A file is written beside and renamed.
 */
export class ConversationStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async list(): Promise<ConversationList> {
    const { files, refused } = await this.#files();
    return {
      conversations: files.map(({ id, title, updatedMs, questions }) => ({ id, title, updatedMs, questions })),
      refused,
    };
  }

  /** Null where there is none, or none that can be read. */
  async read(id: string): Promise<StoredConversation | null> {
    const json = await readLimited(this.#file(id));
    const conversation = json === null ? null : parseConversation(json);
    return conversation?.id === id ? conversation : null;
  }

  /**
   * Stores a conversation, unless another window stored it since `seenMs`, when this one read or stored it last (0:
   * never). False where it did: nothing is stored then. Rejects with the file system's error.
   */
  async save(content: ConversationContent, seenMs: number): Promise<boolean> {
    const stored = await this.read(content.id);
    if (stored !== null && stored.updatedMs !== seenMs) return false;
    const json = limitedJson(content);
    if (json === null) return true;
    await mkdir(this.#folder, { recursive: true });
    const file = this.#file(content.id);
    await writeFile(beside(file), json);
    await rename(beside(file), file);
    return true;
  }

  /** The same at once, for a window that closes: nobody can wait for it. Throws the file system's error. */
  saveNow(content: ConversationContent, seenMs: number): boolean {
    const file = this.#file(content.id);
    const stored = existsSync(file) ? parseConversation(readFileSync(file, "utf8")) : null;
    if (stored !== null && stored.updatedMs !== seenMs) return false;
    const json = limitedJson(content);
    if (json === null) return true;
    mkdirSync(this.#folder, { recursive: true });
    const written = `${beside(file)}.last`;
    writeFileSync(written, json);
    renameSync(written, file);
    return true;
  }

  async delete(id: string): Promise<void> {
    await rm(this.#file(id), { force: true });
  }

  /** Deletes what is over the limits, except `keptId`. Returns how many conversations went. */
  async prune(keptId: string): Promise<number> {
    const { files } = await this.#files();
    let bytes = 0;
    let removed = 0;
    for (const [at, file] of files.entries()) {
      bytes += file.bytes;
      if ((at < conversationsMax && bytes <= storeBytesMax) || file.id === keptId) continue;
      await this.delete(file.id);
      removed += 1;
    }
    return removed;
  }

  async #files(): Promise<{ readonly files: readonly FoundFile[]; readonly refused: readonly string[] }> {
    const names = (await readFolder(this.#folder)).filter((name) => name.endsWith(".json"));
    const files: FoundFile[] = [];
    const refused: string[] = [];
    for (const name of names) {
      const id = name.slice(0, -".json".length);
      const json = await readLimited(join(this.#folder, name));
      const conversation = json === null ? null : parseConversation(json);
      if (json === null || conversation?.id !== id) {
        refused.push(name);
        continue;
      }
      const { updatedMs, turns } = conversation;
      const title = conversationTitle(conversation);
      files.push({ id, title, updatedMs, questions: turns.length, bytes: Buffer.byteLength(json) });
    }
    files.sort((a, b) => b.updatedMs - a.updatedMs || (a.id < b.id ? -1 : 1));
    return { files, refused };
  }

  #file(id: string): string {
    if (!isConversationId(id)) throw new Error(`${JSON.stringify(id)} is no conversation's id`);
    return join(this.#folder, `${id}.json`);
  }
}

/** Another process may write the same conversation at the same time. */
function beside(file: string): string {
  return `${file}.${process.pid}.new`;
}

/** Null where even the last turn is too long, which no question that was answered can be. */
function limitedJson(content: ConversationContent): string | null {
  for (let from = 0; from < content.turns.length; from += 1) {
    const json = conversationJson({ ...content, turns: content.turns.slice(from) });
    if (Buffer.byteLength(json) <= conversationBytesMax) return json;
  }
  return null;
}

async function readLimited(file: string): Promise<string | null> {
  try {
    if ((await stat(file)).size > conversationBytesMax) return null;
    return await readFile(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function readFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
