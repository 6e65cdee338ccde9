/** Cuts one file into units. */
import { sentence } from "../protocol/sentence.ts";
import type { FileProblem, LineRange, ParsedFile, Unit, UnitKind } from "../protocol/units.ts";
import type { Grammar, LanguageRow, SyntaxTree } from "./ports.ts";
import { definitionTree, joinNames, type Definition } from "./parseDefinitions.ts";
import { blocksAbove, commentMarks, docBlock, plainDoc, type DocBlock } from "./parseDoc.ts";
import { lineRanges, sourceLines, textOfRanges, type SourceLines } from "./parseLines.ts";
import { distinctReferences, findImports, findMentions, type Mention } from "./parseReferences.ts";
import { splitRows, unitLinesMax } from "./parseSplit.ts";

/** A signature is cut after this many lines. */
export const signatureLinesMax = 20;
const syntaxError = sentence("Syntax error.");
/** Files without a grammar are cut into pieces of at most this many lines. */
const fileUnitLinesMax = 80;

/**
 * The units, imports and problems of one file. Every line that is not blank belongs to at least one unit. Never throws
 * on account of the text: where there is no grammar, or the grammar gives up, the units are of kind `file`.
 * `language` names the language where `grammar` is null; without it, it is `text`.
 */
export function parseUnits(
  file: { readonly path: string; readonly text: string; readonly language?: string },
  grammar: Grammar | null,
): ParsedFile {
  const source = sourceLines(file.text);
  const language = grammar?.language.id ?? file.language ?? "text";
  if (grammar === null) {
    return { path: file.path, language, units: fileUnits(file.path, language, source), imports: [], problems: [] };
  }
  const tree = grammar.parse(source.text);
  if (tree.stopped !== null) {
    const problems = [{ path: file.path, line: 1, message: tree.stopped }];
    return { path: file.path, language, units: fileUnits(file.path, language, source), imports: [], problems };
  }
  const drafts = syntaxDrafts(file.path, tree, source, grammar.language);
  const { definedAt } = drafts;
  return {
    path: file.path,
    language,
    units: finishUnits(file.path, language, drafts.units, source, findMentions(tree.matches, source, definedAt)),
    imports: findImports(tree.matches, source),
    problems: tree.errorRows.map((row): FileProblem => ({ path: file.path, line: row + 1, message: syntaxError })),
  };
}

/** A unit before it has its text, references and id. */
interface Draft {
  readonly kind: UnitKind;
  readonly name: string;
  readonly qualifiedName: string;
  readonly rows: readonly number[];
  readonly signature: string;
  readonly doc: string;
}

function fileUnits(path: string, language: string, source: SourceLines): Unit[] {
  const rows = source.lines.map((_, row) => row);
  const afterBlank = new Set(rows.filter((row) => row > 0 && source.isBlank(row - 1) && !source.isBlank(row)));
  const name = baseName(path);
  const drafts = splitRows(rows, afterBlank, source, fileUnitLinesMax).map((part): Draft => ({
    kind: "file",
    name,
    qualifiedName: name,
    rows: part,
    signature: "",
    doc: "",
  }));
  return finishUnits(path, language, drafts, source, []);
}

function syntaxDrafts(
  path: string,
  tree: SyntaxTree,
  source: SourceLines,
  language: LanguageRow,
): { readonly units: readonly Draft[]; readonly definedAt: ReadonlySet<number> } {
  const { roots, definedAt } = definitionTree(tree.matches, source);
  const docs = findDocs(tree, source);
  const marks = commentMarks(language);
  const splitPoints = new Set(tree.splitPoints);
  const units: Draft[] = [];
  const covered = new Uint8Array(source.lines.length);

  const add = (definition: Definition, outerName: string, floorRow: number): number => {
    const qualifiedName = joinNames(outerName, joinNames(definition.scope, definition.name));
    const above = blocksAbove(definition.signatureRow, docs.byLastRow, source).filter(
      (block) => block.firstRow >= floorRow,
    );
    const firstRow = above[0]?.firstRow ?? definition.signatureRow;
    const inside = docStringOf(definition, docs, source);
    const blocks = inside === null ? above : [...above, inside];
    for (const block of blocks) docs.used.add(block);
    const own = rowsBetween(firstRow, definition.lastRow);
    let floor = definition.signatureRow + 1;
    for (const child of definition.children) {
      const childFirst = add(child, qualifiedName, floor);
      floor = child.lastRow + 1;
      for (let row = childFirst; row <= child.lastRow; row += 1) own.delete(row);
      const [first, last] = signatureRows(child, docs, source);
      for (let row = first; row <= last; row += 1) own.add(row);
    }
    const base = { kind: definition.kind, name: definition.name, qualifiedName };
    const signature = signatureOf(definition, docs, source);
    const doc = plainDoc(blocks, source, marks);
    addParts(units, { ...base, rows: [...own].sort((a, b) => a - b), signature, doc }, splitPoints, source);
    return firstRow;
  };

  let floor = 0;
  for (const root of roots) {
    const firstRow = add(root, "", floor);
    for (let row = firstRow; row <= root.lastRow; row += 1) covered[row] = 1;
    floor = root.lastRow + 1;
  }
  const rest = source.lines.map((_, row) => row).filter((row) => covered[row] === 0);
  if (rest.some((row) => !source.isBlank(row))) {
    const name = baseName(path);
    const doc = plainDoc(headerBlocks(docs, source), source, marks);
    const header: Draft = { kind: "header", name, qualifiedName: name, rows: rest, signature: "", doc };
    addParts(units, header, splitPoints, source);
  }
  return { units, definedAt };
}

function addParts(units: Draft[], draft: Draft, splitPoints: ReadonlySet<number>, source: SourceLines): void {
  const parts = splitRows(draft.rows, splitPoints, source, unitLinesMax).filter((rows) =>
    rows.some((row) => !source.isBlank(row)),
  );
  for (const [i, rows] of parts.entries()) units.push({ ...draft, rows, doc: i === 0 ? draft.doc : "" });
}

interface Docs {
  readonly all: readonly DocBlock[];
  readonly byLastRow: ReadonlyMap<number, DocBlock>;
  readonly byStart: ReadonlyMap<number, DocBlock>;
  readonly used: Set<DocBlock>;
}

function findDocs(tree: SyntaxTree, source: SourceLines): Docs {
  const byStart = new Map<number, DocBlock>();
  const byLastRow = new Map<number, DocBlock>();
  for (const { captures } of tree.matches) {
    for (const { name, node } of captures) {
      if ((name !== "doc" && name !== "attribute") || byStart.has(node.startIndex)) continue;
      const block = docBlock(node, name === "doc", source);
      byStart.set(node.startIndex, block);
      if (block.ownLines) byLastRow.set(block.lastRow, block);
    }
  }
  const all = [...byStart.values()].sort((a, b) => a.startIndex - b.startIndex);
  return { all, byLastRow, byStart, used: new Set() };
}

/** The first comment of the file, with what follows it directly, unless a definition has it. */
function headerBlocks(docs: Docs, source: SourceLines): readonly DocBlock[] {
  const blocks: DocBlock[] = [];
  for (const block of docs.all) {
    const start = blocks.at(-1)?.lastRow ?? -1;
    let between = rangeOf(start + 1, block.firstRow - 1);
    if (blocks.length === 0) between = between.filter((row) => !(source.lines[row] ?? "").startsWith("#!"));
    if (between.some((row) => blocks.length > 0 || !source.isBlank(row))) break;
    if (docs.used.has(block) || !block.ownLines) break;
    if (!(source.lines[block.firstRow] ?? "").startsWith("#!")) blocks.push(block);
  }
  return blocks;
}

/** A string (not a comment, which rather belongs to what follows it) that a body starts with. */
function docStringOf(definition: Definition, docs: Docs, source: SourceLines): DocBlock | null {
  if (!definition.hasBody) return null;
  let index = definition.bodyIndex;
  while (index < definition.endIndex && /[\s{:]/.test(source.text[index] ?? "")) index += 1;
  const block = docs.byStart.get(index);
  return block?.isDoc === true && /^[a-zA-Z]{0,2}["'`]/.test(source.text.slice(index, index + 3)) ? block : null;
}

/** The rows of a declaration without its body; a body that starts on a row of its own does not count. */
function signatureRows(definition: Definition, docs: Docs, source: SourceLines): readonly [number, number] {
  const first = definition.signatureRow;
  const end = signatureEnd(definition, docs, source);
  return [first, Math.min(Math.max(first, source.rowOf(end - 1)), first + signatureLinesMax - 1)];
}

function signatureOf(definition: Definition, docs: Docs, source: SourceLines): string {
  const lineStart = source.startOf(definition.signatureRow);
  const indent = source.text.slice(lineStart, definition.startIndex);
  const start = indent.trim() === "" ? lineStart : definition.startIndex;
  const end = signatureEnd(definition, docs, source);
  return source.text.slice(start, end).split("\n").slice(0, signatureLinesMax).join("\n").trimEnd();
}

/** The index after a declaration: where its body starts, or the comments or the line that lead to the body. */
function signatureEnd(definition: Definition, docs: Docs, source: SourceLines): number {
  if (!definition.hasBody) return definition.endIndex;
  const bodyRow = source.rowOf(definition.bodyIndex);
  const before = source.text.slice(source.startOf(bodyRow), definition.bodyIndex);
  if (before.trim() !== "" || bodyRow <= definition.signatureRow) return definition.bodyIndex;
  const [comment] = blocksAbove(bodyRow, docs.byLastRow, source);
  const row = comment !== undefined && comment.firstRow > definition.signatureRow ? comment.firstRow : bodyRow;
  return source.startOf(row);
}

function finishUnits(
  path: string,
  language: string,
  drafts: readonly Draft[],
  source: SourceLines,
  mentions: readonly Mention[],
): Unit[] {
  const byRow = new Map<number, Mention[]>();
  for (const mention of mentions) {
    const onRow = byRow.get(mention.row);
    if (onRow === undefined) byRow.set(mention.row, [mention]);
    else onRow.push(mention);
  }
  return drafts
    .map((draft) => ({ draft, ranges: lineRanges(draft.rows, source) }))
    .filter(({ ranges }) => ranges.length > 0)
    .sort((a, b) => startOf(a.ranges) - startOf(b.ranges) || endOf(b.ranges) - endOf(a.ranges))
    .map(({ draft, ranges }, ordinal) => ({
      id: `${path}#${ordinal}`,
      path,
      language,
      kind: draft.kind,
      name: draft.name,
      qualifiedName: draft.qualifiedName,
      startLine: startOf(ranges),
      endLine: endOf(ranges),
      ranges,
      signature: draft.signature,
      doc: draft.doc,
      text: textOfRanges(ranges, source),
      references: distinctReferences(
        draft.rows.flatMap((row) => byRow.get(row) ?? []),
        draft.name,
      ),
    }));
}

function startOf(ranges: readonly LineRange[]): number {
  return ranges[0]?.startLine ?? 0;
}

function endOf(ranges: readonly LineRange[]): number {
  return ranges.at(-1)?.endLine ?? 0;
}

function rowsBetween(first: number, last: number): Set<number> {
  return new Set(rangeOf(first, last));
}

function rangeOf(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
