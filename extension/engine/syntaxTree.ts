/** What both tree-sitter runtimes share: limits, the query text, and the walk that finds where long units may be split. */
import type { SyntaxMatch, SyntaxTree } from "../pipeline/ports.ts";
import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";

/** Parsing one file stops after this long; the largest file that is indexed takes far less. */
export const parseTimeoutMs = 5_000;

/** Nodes of at most this many rows are not looked into for split points. */
const splitRows = 40;
/** Texts of fewer rows are never split, so they need no split points. */
const splitTextRowsMin = 80;
/** A table of a hundred thousand rows need not be walked to its end. */
const splitNodesMax = 20_000;
const errorRowsMax = 20;

/** Captures that are added to every units.scm; they never reach the caller. */
const errorCapture = "precis.error";

/** The query that is run: units.scm and the search for syntax errors. */
export function queryText(units: string): string {
  return `${units}\n(ERROR) @${errorCapture}\n(MISSING) @${errorCapture}\n`;
}

/** What there is when parsing took longer than it may. */
export const lateTree: SyntaxTree = stoppedTree(
  sentence("The file was not cut by its syntax: parsing took longer than {0} s.", parseTimeoutMs / 1000),
);

/** What there is when the parser threw this. */
export function failedTree(thrown: unknown): SyntaxTree {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return stoppedTree(sentence("The file was not cut by its syntax: {0}.", message));
}

function stoppedTree(stopped: Sentence): SyntaxTree {
  return { matches: [], splitPoints: [], errorRows: [], stopped };
}

/** The members of a node that both runtimes name alike. */
export interface WalkedNode {
  readonly startIndex: number;
  readonly endIndex: number;
  readonly startPosition: { readonly row: number };
  readonly endPosition: { readonly row: number };
  readonly namedChildren: readonly (WalkedNode | null)[];
}

/** Splits what the query found into matches of units.scm and rows of syntax errors. */
export function syntaxTree(root: WalkedNode, found: readonly FoundMatch[], text: string): SyntaxTree {
  const matches: SyntaxMatch[] = [];
  const errorRows = new Set<number>();
  for (const match of found) {
    const [first] = match.captures;
    if (first?.name === errorCapture) {
      if (errorRows.size < errorRowsMax) errorRows.add(rowOf(text, first.node.startIndex));
      continue;
    }
    const captures = match.captures.map(({ name, node }) => ({
      name,
      node: { startIndex: node.startIndex, endIndex: node.endIndex },
    }));
    matches.push({ pattern: match.pattern, captures });
  }
  return {
    matches,
    splitPoints: splitPoints(root),
    errorRows: [...errorRows].sort((a, b) => a - b),
    stopped: null,
  };
}

export interface FoundMatch {
  readonly pattern: number;
  readonly captures: readonly { readonly name: string; readonly node: { startIndex: number; endIndex: number } }[];
}

function splitPoints(root: WalkedNode): readonly number[] {
  if (root.endPosition.row < splitTextRowsMin) return [];
  const rows = new Set<number>();
  const waiting: WalkedNode[] = [root];
  let visited = 0;
  for (let node = waiting.pop(); node !== undefined && visited < splitNodesMax; node = waiting.pop()) {
    for (const child of node.namedChildren) {
      if (child === null) continue;
      visited += 1;
      const first = child.startPosition.row;
      rows.add(first);
      if (child.endPosition.row - first > splitRows) waiting.push(child);
    }
  }
  return [...rows].sort((a, b) => a - b);
}

function rowOf(text: string, index: number): number {
  let row = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < index; at = text.indexOf("\n", at + 1)) row += 1;
  return row;
}
