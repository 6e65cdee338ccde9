import { setImmediate as nextTurn } from "node:timers/promises";
import type { Language, Node, Parser, Tree } from "web-tree-sitter";
import { SerialQueue } from "../base/serialQueue.ts";
import type { WasmTreeSitter } from "./treeSitter.ts";

/** Characters `rangeOffset … rangeOffset + rangeLength` became `text`. Lines and characters count from 0. */
export interface TextChange {
  readonly rangeOffset: number;
  readonly rangeLength: number;
  readonly range: { readonly start: TextPosition; readonly end: TextPosition };
  readonly text: string;
}

export interface TextPosition {
  readonly line: number;
  readonly character: number;
}

/** Whoever shares the thread, such as other extensions, waits no longer than this at a time. */
const sliceMs = 12;
/** A text that takes longer to parse than this, over all slices, has no tree. */
const parseMs = 30_000;

/**
 * The syntax tree of one open document. Changes are noted at once and cost next to nothing; parsing happens when
 * somebody reads, re-uses what did not change, and is done in slices. `free` must be called: the tree lies outside of
 * JavaScript's memory.
 */
export class OpenTree {
  readonly #treeSitter: WasmTreeSitter;
  readonly #parser: Parser;
  readonly #queue = new SerialQueue();
  #tree: Tree | null = null;
  /** Counts changes; a tree is current when it was made at this count. */
  #changes = 0;
  #parsedAt = -1;
  #isFree = false;

  constructor(treeSitter: WasmTreeSitter, language: Language) {
    this.#treeSitter = treeSitter;
    this.#parser = new treeSitter.Parser();
    this.#parser.setLanguage(language);
  }

  /** The document changed; the changes are in an order in which they can be applied one after another. */
  changed(changes: readonly TextChange[]): void {
    this.#changes += 1;
    if (this.#tree === null) return;
    for (const change of changes) this.#tree.edit(new this.#treeSitter.Edit(editOf(change)));
  }

  /**
   * What `use` finds in the tree of the document's text as it is now; the root is only valid during the call. Null where
   * the document changes meanwhile, the signal is aborted, the tree is freed, or parsing takes too long. Parsing goes on
   * after an abort: the next reader needs the tree as well.
   */
  read<T>(text: () => string, use: (root: Node) => T, signal: AbortSignal): Promise<T | null> {
    const asked = this.#changes;
    return this.#queue.run(async () => {
      const isCurrent = (): boolean => !this.#isFree && this.#changes === asked;
      if (this.#parsedAt !== asked && isCurrent()) await this.#parse(text(), isCurrent);
      const isReadable = this.#parsedAt === asked && isCurrent() && !signal.aborted;
      return this.#tree !== null && isReadable ? use(this.#tree.rootNode) : null;
    });
  }

  /** Frees parser and tree; whoever is reading gets null. */
  free(): void {
    if (this.#isFree) return;
    this.#isFree = true;
    // The parser may be between two slices of its work.
    void this.#queue.run(() => {
      this.#tree?.delete();
      this.#tree = null;
      this.#parser.delete();
      return Promise.resolve();
    });
  }

  /** Resolves when nothing reads any more. */
  async idle(): Promise<void> {
    await this.#queue.idle();
  }

  async #parse(text: string, isCurrent: () => boolean): Promise<void> {
    const changes = this.#changes;
    let spentMs = 0;
    while (isCurrent() && spentMs < parseMs) {
      const startMs = performance.now();
      const progressCallback = (): boolean => performance.now() - startMs > sliceMs;
      // After a slice that was not enough, the parser goes on where it stopped.
      const tree = this.#parser.parse(text, this.#tree, { progressCallback });
      if (tree !== null) {
        this.#tree?.delete();
        this.#tree = tree;
        this.#parsedAt = changes;
        return;
      }
      spentMs += performance.now() - startMs;
      await nextTurn();
    }
    this.#parser.reset();
  }
}

/** The change as tree-sitter wants to be told. */
export function editOf({ rangeOffset, rangeLength, range, text }: TextChange): {
  readonly startIndex: number;
  readonly oldEndIndex: number;
  readonly newEndIndex: number;
  readonly startPosition: { readonly row: number; readonly column: number };
  readonly oldEndPosition: { readonly row: number; readonly column: number };
  readonly newEndPosition: { readonly row: number; readonly column: number };
} {
  const lastLine = text.lastIndexOf("\n");
  const rows = lastLine < 0 ? 0 : text.split("\n").length - 1;
  return {
    startIndex: rangeOffset,
    oldEndIndex: rangeOffset + rangeLength,
    newEndIndex: rangeOffset + text.length,
    startPosition: pointOf(range.start),
    oldEndPosition: pointOf(range.end),
    newEndPosition: {
      row: range.start.line + rows,
      column: rows === 0 ? range.start.character + text.length : text.length - lastLine - 1,
    },
  };
}

function pointOf({ line, character }: TextPosition): { readonly row: number; readonly column: number } {
  return { row: line, column: character };
}
