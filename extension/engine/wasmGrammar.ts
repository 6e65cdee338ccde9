/** One language on web-tree-sitter, for machines where the native binding does not load. */
import type { Grammar, LanguageRow } from "../pipeline/ports.ts";
import type { WasmTreeSitter } from "../syntax/treeSitter.ts";
import { failedTree, lateTree, parseTimeoutMs, queryText, syntaxTree } from "./syntaxTree.ts";

/** Loads the grammar's wasm file and compiles the query. Throws where either does not fit. */
export async function openWasmGrammar(options: {
  readonly treeSitter: WasmTreeSitter;
  readonly language: LanguageRow;
  readonly file: string;
  readonly query: string;
}): Promise<Grammar> {
  const { treeSitter, language } = options;
  const wasmLanguage = await treeSitter.Language.load(options.file);
  const parser = new treeSitter.Parser();
  parser.setLanguage(wasmLanguage);
  const query = new treeSitter.Query(wasmLanguage, queryText(options.query));
  return {
    language,
    runtime: "wasm",
    parse(text) {
      const startMs = performance.now();
      const progressCallback = (): boolean => performance.now() - startMs > parseTimeoutMs;
      let tree = null;
      try {
        tree = parser.parse(text, null, { progressCallback });
        if (tree === null) {
          parser.reset();
          return lateTree;
        }
        const root = tree.rootNode;
        const found = query
          .matches(root, { progressCallback })
          .map(({ patternIndex, captures }) => ({ pattern: patternIndex, captures }));
        if (progressCallback()) return lateTree;
        return syntaxTree(root, found, text);
      } catch (error) {
        parser.reset();
        return failedTree(error);
      } finally {
        tree?.delete();
      }
    },
  };
}
