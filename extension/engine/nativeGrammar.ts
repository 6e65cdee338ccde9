/**
 * One language on the native tree-sitter binding.
 *
 * `Query.matches` of the binding's own JavaScript makes an object with a finaliser for every node it returns, which
 * costs more than the query and lets memory grow with every file. So the matches are read here as the numbers that the
 * native side hands over: six per node, of which the third is the start in bytes of UTF-16. The conformance test
 * compares the outcome with wasm for every language.
 */
import type Parser from "tree-sitter";
import type { Grammar, LanguageRow, SyntaxNode } from "../pipeline/ports.ts";
import { failedTree, lateTree, parseTimeoutMs, queryText, syntaxTree, type FoundMatch } from "./syntaxTree.ts";

/** The module `tree-sitter` and the native binding below it. */
export interface NativeTreeSitter {
  readonly Parser: typeof Parser;
  readonly raw: NativeBinding;
}

/** What a grammar package's native binding exports. */
export type NativeLanguage = Parser.Language;

/** The part of the native binding that is used directly. */
export interface NativeBinding {
  readonly Query: { readonly prototype: { readonly _matches: MatchFunction } };
  /** Calls on nodes take the node from the first six numbers of `nodeTransferArray`. */
  readonly NodeMethods: { readonly endIndex: (tree: Parser.Tree) => number };
  /** Replaced by a longer one when a result needs it, so it is read anew every time. */
  readonly nodeTransferArray: Uint32Array;
}

/** Ranges, limits and the timeout are numbers; answers pattern indexes and capture names, and one entry per node. */
type MatchFunction = (
  this: Parser.Query,
  tree: Parser.Tree,
  ...limits: number[]
) => [flat: (number | string)[], nodes: unknown[]];

type Predicate = (captures: readonly PredicateCapture[]) => boolean;
interface PredicateCapture {
  readonly name: string;
  readonly node: SyntaxNode & { readonly text: string };
}

const numbersPerNode = 6;
const unlimited = 0xffff_ffff;
/** Start and end row and column, start and end index (0: everything), match limit, depth limit. */
const wholeTree = [0, 0, 0, 0, 0, 0, unlimited, unlimited];

/** Compiles the query at once. Throws where the query or the grammar's version does not fit. */
export function openNativeGrammar(options: {
  readonly binding: NativeTreeSitter;
  readonly language: LanguageRow;
  readonly nativeLanguage: NativeLanguage;
  readonly query: string;
}): Grammar {
  const { binding, language, nativeLanguage } = options;
  const parser = new binding.Parser();
  parser.setLanguage(nativeLanguage);
  const query = new binding.Parser.Query(nativeLanguage, queryText(options.query));
  let startMs = 0;
  // One function for all parses, because the binding keeps every function it was ever given.
  const progressCallback = (): boolean => performance.now() - startMs > parseTimeoutMs;
  return {
    language,
    runtime: "native",
    parse(text) {
      startMs = performance.now();
      try {
        // One buffer for the whole text: the binding's default of 32 KB would ask again and again for slices.
        const tree = parser.parse(text, null, { bufferSize: text.length + 1, progressCallback }) as
          Parser.Tree | null | undefined;
        if (tree === null || tree === undefined) {
          parser.reset();
          return lateTree;
        }
        const root = tree.rootNode;
        const found = findMatches(binding.raw, query, root, text);
        if (progressCallback()) return lateTree;
        return syntaxTree(root, found, text);
      } catch (error) {
        parser.reset();
        return failedTree(error);
      }
    },
  };
}

function findMatches(raw: NativeBinding, query: Parser.Query, root: Parser.SyntaxNode, text: string): FoundMatch[] {
  const { tree } = root;
  const rootNumbers = root as unknown as Readonly<Record<number, number>>;
  for (let i = 0; i < numbersPerNode; i += 1) raw.nodeTransferArray[i] = rootNumbers[i] ?? 0;
  const timeoutMicros = parseTimeoutMs * 1000;
  const [flat, nodes] = raw.Query.prototype._matches.call(query, tree, ...wholeTree, timeoutMicros);
  const numbers = raw.nodeTransferArray.slice();
  // Every call on a node overwrites the array's first numbers, which is why the answer was copied.
  const transfer = raw.nodeTransferArray;
  const predicates = (query as unknown as { readonly predicates: readonly (readonly Predicate[])[] }).predicates;

  const found: FoundMatch[] = [];
  let nodeIndex = 0;
  let offset = 0;
  for (let i = 0; i < flat.length;) {
    const pattern = Number(flat[i]);
    const captures: PredicateCapture[] = [];
    for (i += 1; typeof flat[i] === "string"; i += 1) {
      const known = nodes[nodeIndex];
      nodeIndex += 1;
      // A node that JavaScript already has (the root) comes as that object, and without numbers.
      if (typeof known === "object" && known !== null) {
        const { startIndex, endIndex } = known as SyntaxNode;
        captures.push({ name: String(flat[i]), node: nodeOf(startIndex, endIndex, text) });
        continue;
      }
      for (let k = 0; k < numbersPerNode; k += 1) transfer[k] = numbers[offset + k] ?? 0;
      const startIndex = (numbers[offset + 2] ?? 0) / 2;
      captures.push({ name: String(flat[i]), node: nodeOf(startIndex, raw.NodeMethods.endIndex(tree), text) });
      offset += numbersPerNode;
    }
    if ((predicates[pattern] ?? []).every((holds) => holds(captures))) found.push({ pattern, captures });
  }
  return found;
}

function nodeOf(startIndex: number, endIndex: number, text: string): PredicateCapture["node"] {
  return {
    startIndex,
    endIndex,
    get text() {
      return text.slice(startIndex, endIndex);
    },
  };
}
