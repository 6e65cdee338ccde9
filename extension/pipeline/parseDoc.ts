/** Comments and doc strings: which definition they belong to, and what they say in plain words. */
import type { LanguageRow, SyntaxNode } from "./ports.ts";
import type { SourceLines } from "./parseLines.ts";

/** A comment or doc string by rows (from 0, both ends included). `ownLines`: nothing else stands on its lines. */
export interface DocBlock {
  readonly startIndex: number;
  readonly endIndex: number;
  readonly firstRow: number;
  readonly lastRow: number;
  readonly ownLines: boolean;
  /** False for an attribute, which goes with the definition below it and says nothing in words. */
  readonly isDoc: boolean;
}

/** Documentation is cut after this many characters: what it says first matters most. */
const docCharactersMax = 4_000;

/** The block of a `@doc` or `@attribute` node. Some grammars count the line end as part of a comment; it is left out here. */
export function docBlock(node: SyntaxNode, isDoc: boolean, source: SourceLines): DocBlock {
  const { startIndex } = node;
  let end = node.endIndex;
  while (end > startIndex && /\s/.test(source.text[end - 1] ?? "")) end -= 1;
  const firstRow = source.rowOf(startIndex);
  const lastRow = source.rowOf(Math.max(startIndex, end - 1));
  const before = source.text.slice(source.startOf(firstRow), startIndex);
  const after = source.text.slice(end, source.startOf(lastRow) + (source.lines[lastRow] ?? "").length);
  const ownLines = before.trim() === "" && /^[\s;]*$/.test(after);
  return { startIndex, endIndex: end, firstRow, lastRow, ownLines, isDoc };
}

/**
 * Adjacent blocks that end on the row before `row`, top first. A doc comment (`/**`) may be followed by one blank line,
 * unless it opens the file: then it speaks of the file.
 */
export function blocksAbove(
  row: number,
  byLastRow: ReadonlyMap<number, DocBlock>,
  source: SourceLines,
): readonly DocBlock[] {
  const blocks: DocBlock[] = [];
  for (let block = byLastRow.get(row - 1); block !== undefined; block = byLastRow.get(block.firstRow - 1)) {
    blocks.unshift(block);
  }
  if (blocks.length > 0 || row < 2 || !source.isBlank(row - 1)) return blocks;
  const apart = byLastRow.get(row - 2);
  const isApart = apart !== undefined && apart.firstRow > 0 && source.text.startsWith("/**", apart.startIndex);
  return isApart ? [apart] : [];
}

/** What comments say, without the `marks` of `commentMarks`; line breaks and paragraphs are kept. */
export function plainDoc(blocks: readonly DocBlock[], source: SourceLines, marks: RegExp): string {
  const raw = blocks
    .filter((block) => block.isDoc)
    .map((block) => source.text.slice(block.startIndex, block.endIndex))
    .join("\n");
  const lines = raw.split("\n").map((line) => plainLine(line, marks));
  while (lines[0] === "") lines.shift();
  return lines
    .join("\n")
    .replace(/\{@\w+\s+([^}]*)\}/g, "$1")
    .replace(/\n{3,}/g, "\n\n")
    .slice(0, docCharactersMax)
    .trim();
}

/** Comment marks at the start of a line, of this language or of any doc string, then a decoration of stars or dashes. */
export function commentMarks(language: LanguageRow): RegExp {
  const own = [language.lineComment, ...(language.blockComment ?? [])].map(escapeRegExp);
  const marks = ["/\\*+!?", "///?!?", "[a-zA-Z]{0,2}(?:\"\"\"|''')", "--\\[=*\\[", "--+", "#+!?", "\\*(?!\\*)", ...own];
  return new RegExp(`^\\s*(?:${marks.join("|")})<?\\s?`);
}

const endMarks = /\s*(?:\*+\/|"""|'''|\]=*\])\s*$/;
/** A line of nothing but signs, such as `-----` or `* * *`. */
const ruler = /^[\s\-=*#/_~+]*$/;

/** Only elements that documentation uses: `List<T>` must stay. */
const markup =
  /<\/?(?:a|b|br|c|code|em|example|exception|h\d|i|li|ol|p|para|param|paramref|pre|remarks|returns|see|strong|summary|typeparam|ul|value)(?:\s[^<>]*)?\/?>/g;

function plainLine(line: string, marks: RegExp): string {
  const unmarked = line.replace(marks, "").replace(endMarks, "");
  if (ruler.test(unmarked)) return "";
  return unmarked
    .replace(/<\w+\s+(?:cref|name|langword|href)="([^"]*)"\s*\/?>/g, "$1 ")
    .replace(markup, "")
    .replace(/ {2,}/g, " ")
    .trim();
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}
