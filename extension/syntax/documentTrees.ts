import { createRequire } from "node:module";
import path from "node:path";
import type { Language, Node } from "web-tree-sitter";
import type { LanguageRow } from "../pipeline/ports.ts";
import { documentLanguageFinder, readLanguages, wasmFile } from "./languages.ts";
import { OpenTree } from "./openTree.ts";
import type { TextChange } from "./openTree.ts";
import { loadWasmTreeSitter } from "./treeSitter.ts";
import type { WasmTreeSitter } from "./treeSitter.ts";

export interface TreeDocument {
  /** The same for the same open document. */
  readonly key: string;
  readonly language: LanguageRow;
  /** The text as it is now. */
  readonly text: () => string;
}

/** Trees that are kept; the one that was not read longest is freed first, and made anew when it is read again. */
export const treesMax = 12;

/** The syntax trees of the documents that are open in an editor, made when one is first read. */
export class DocumentTrees {
  readonly #root: string;
  readonly #trees = new Map<string, TreeEntry>();
  readonly #grammars = new Map<string, Promise<Language>>();
  #languageOf: Promise<(editorId: string, path: string) => LanguageRow | null> | null = null;
  #treeSitter: Promise<WasmTreeSitter> | null = null;

  /** `root` is a source checkout or the installed extension: it has grammars/ and node_modules/. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Trees that are kept now. */
  get size(): number {
    return this.#trees.size;
  }

  /** The language of an open document, or null. Rejects with Failure `grammarMissing`. */
  async languageOf(editorId: string, file: string): Promise<LanguageRow | null> {
    this.#languageOf ??= readLanguages(this.#root).then(documentLanguageFinder);
    return (await this.#languageOf)(editorId, file);
  }

  /**
   * What `use` finds in the document's tree (see `OpenTree.read`); null too where the language has no wasm grammar.
   * Rejects where a grammar that there should be cannot be loaded.
   */
  async read<T>(document: TreeDocument, use: (root: Node) => T, signal: AbortSignal): Promise<T | null> {
    if (document.language.wasm === "") return null;
    const { key } = document;
    const entry = this.#trees.get(key) ?? this.#open(document.language);
    this.#trees.delete(key);
    this.#trees.set(key, entry);
    for (const oldest of this.#trees.keys()) {
      if (this.#trees.size <= treesMax) break;
      this.closed(oldest);
    }
    try {
      return await (await entry.opened).read(document.text, use, signal);
    } catch (thrown) {
      if (this.#trees.get(key) === entry) this.closed(key);
      throw thrown;
    }
  }

  /** What `use` finds in the tree of a text that is not open anywhere, whose memory is freed again at once. */
  async readOnce<T>(
    { language, text }: { readonly language: LanguageRow; readonly text: string },
    use: (root: Node) => T,
    signal: AbortSignal,
  ): Promise<T | null> {
    if (language.wasm === "") return null;
    const tree = await this.#newTree(language);
    try {
      return await tree.read(() => text, use, signal);
    } finally {
      tree.free();
    }
  }

  /** An open document changed. */
  changed(key: string, changes: readonly TextChange[]): void {
    // A tree that is still being opened has read nothing of the text yet.
    this.#trees.get(key)?.tree?.changed(changes);
  }

  /** A document was closed, or is of another language from now on: its memory is freed. */
  closed(key: string): void {
    const entry = this.#trees.get(key);
    if (entry === undefined) return;
    entry.isClosed = true;
    entry.tree?.free();
    this.#trees.delete(key);
  }

  dispose(): void {
    for (const key of [...this.#trees.keys()]) this.closed(key);
  }

  #open(language: LanguageRow): TreeEntry {
    const opened = this.#newTree(language).then((tree) => {
      if (entry.isClosed) tree.free();
      entry.tree = tree;
      return tree;
    });
    const entry: TreeEntry = { opened, tree: null, isClosed: false };
    return entry;
  }

  async #newTree(language: LanguageRow): Promise<OpenTree> {
    const load = createRequire(path.join(this.#root, "package.json"));
    this.#treeSitter ??= loadWasmTreeSitter(load);
    const treeSitter = await this.#treeSitter;
    let grammar = this.#grammars.get(language.id);
    if (grammar === undefined) {
      grammar = treeSitter.Language.load(wasmFile(load, language));
      this.#grammars.set(language.id, grammar);
    }
    return new OpenTree(treeSitter, await grammar);
  }
}

interface TreeEntry {
  readonly opened: Promise<OpenTree>;
  /** Null until it is opened. */
  tree: OpenTree | null;
  isClosed: boolean;
}
