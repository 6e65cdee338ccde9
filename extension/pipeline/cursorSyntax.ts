/** What stands around a cursor: string or comment, function, block. From a syntax tree, or from the text alone. */
import type { CursorPlace, CursorScope, CursorSyntax } from "../protocol/complete.ts";
import { textBlock, textPlace, textScope } from "./cursorText.ts";
import { indentation } from "./parseLines.ts";

/** The members of a node that are used; web-tree-sitter's nodes have them. */
export interface SyntaxNodeLike {
  readonly type: string;
  readonly startIndex: number;
  readonly endIndex: number;
  readonly startPosition: { readonly row: number; readonly column: number };
  readonly endPosition: { readonly row: number };
  readonly parent: SyntaxNodeLike | null;
  descendantForIndex(start: number, end?: number): SyntaxNodeLike | null;
  childForFieldName(name: string): SyntaxNodeLike | null;
}

/** What the text tells is told by so many characters on each side of the cursor. */
const reach = { before: 24_000, after: 12_000 } as const;

/**
 * From the tree of `text`, which may be a whole document with any line ends; `offset` and lines are those of `text`.
 * Where the tree is broken at the cursor, the text near it tells.
 */
export function cursorSyntax(root: SyntaxNodeLike, text: string, offset: number, language: string): CursorSyntax {
  const start = offset <= reach.before ? 0 : text.indexOf("\n", offset - reach.before) + 1;
  const before = text.slice(Math.min(start, offset), offset);
  const after = text.slice(offset, offset + reach.after);
  const at = Math.max(0, offset - before.length + before.trimEnd().length - 1);
  const near = root.descendantForIndex(at, at);
  const scope = treeScope(near, text, before);
  const block = treeBlock(root.descendantForIndex(Math.max(0, offset - 1), offset), text, offset);
  const byText = (): CursorSyntax =>
    movedSyntax(textSyntax(plain(before), plain(after), language), linesIn(text, Math.min(start, offset)));
  return {
    place: treePlace(root, text, offset) ?? textPlace(plain(before), language),
    scope: scope ?? byText().scope,
    block: block ?? byText().block,
  };
}

function plain(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

function linesIn(text: string, end: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** The same without a tree, for languages without a grammar. */
export function textSyntax(before: string, after: string, language: string): CursorSyntax {
  return {
    place: textPlace(before, language),
    scope: textScope(before, after, language),
    block: textBlock(before, after, language),
  };
}

/** The lines of what was found in a text that starts at another line of its document. */
export function movedSyntax(syntax: CursorSyntax, lines: number): CursorSyntax {
  const move = <T extends { readonly startLine: number; readonly endLine: number }>(found: T | null): T | null =>
    found === null ? null : { ...found, startLine: found.startLine + lines, endLine: found.endLine + lines };
  return lines === 0 ? syntax : { place: syntax.place, scope: move(syntax.scope), block: move(syntax.block) };
}

const commentTypes = /comment/;
const stringTypes = /string|char_literal|character_literal|rune_literal|heredoc|regex|^quoted/;
/** Code within a string. */
const substitutionTypes = /substitution|interpolation|interpolated_expression/;

/** Null where the tree is broken at the cursor and the text must tell. */
function treePlace(root: SyntaxNodeLike, text: string, offset: number): CursorPlace | null {
  const before = Math.max(0, offset - 1);
  for (let node = root.descendantForIndex(before, before); node !== null; node = node.parent) {
    if (node.type === "ERROR") return null;
    if (substitutionTypes.test(node.type)) return "code";
    const isInside = node.startIndex < offset && offset < node.endIndex;
    if (commentTypes.test(node.type)) {
      const isLine = !/\*\/|-->|\]\]|=end/.test(text.slice(node.endIndex - 4, node.endIndex));
      if (isInside || (isLine && node.endIndex >= offset && !text.slice(node.startIndex, offset).includes("\n")))
        return "comment";
    }
    if (stringTypes.test(node.type) && isInside) return "string";
  }
  return "code";
}

/** The innermost pair of curly brackets around the cursor; null where there is none, or the tree is broken on the way. */
function treeBlock(near: SyntaxNodeLike | null, text: string, offset: number): CursorSyntax["block"] {
  for (let node = near; node !== null; node = node.parent) {
    if (node.type === "ERROR") return null;
    const isPair = text[node.startIndex] === "{" && text[node.endIndex - 1] === "}";
    if (!isPair || node.startIndex >= offset || node.endIndex <= offset) continue;
    const indent = indentAt(text, node.parent === null ? node.startIndex : node.parent.startIndex);
    const isOneLine = node.startPosition.row === node.endPosition.row;
    return {
      startLine: node.startPosition.row + 1,
      endLine: node.endPosition.row + 1,
      indent,
      // A bracket that stands farther left closes a block farther out.
      isOpen: !isOneLine && indentation(indentAt(text, node.endIndex - 1)) < indentation(indent),
    };
  }
  return null;
}

function indentAt(text: string, index: number): string {
  const start = text.lastIndexOf("\n", Math.max(0, index - 1)) + 1;
  return /^[ \t]*/.exec(text.slice(start, start + 400))?.[0] ?? "";
}

const functionTypes =
  /function|method|constructor|destructor|initializer|arrow|closure|lambda|func_literal|^init_declaration$/;
const notFunctions = /call|invocation|signature|type|parameter|modifier|body|name|reference/;
const classTypes =
  /^(?:class|struct|impl|interface|trait|enum|module|namespace|object|protocol|extension)_?(?:declaration|definition|item|specifier)?$/;

/** The innermost function with a name, or else the innermost class. */
function treeScope(near: SyntaxNodeLike | null, text: string, before: string): CursorScope | null {
  const lineBefore = before.slice(before.lastIndexOf("\n") + 1);
  let classLike: CursorScope | null = null;
  for (let node = near; node !== null; node = node.parent) {
    if (isLeft(node, text, lineBefore)) continue;
    const isFunction = functionTypes.test(node.type) && !notFunctions.test(node.type);
    if (!isFunction && !(classLike === null && classTypes.test(node.type))) continue;
    const name = nameOf(node, text);
    if (name === "") continue;
    const scope = { name, startLine: node.startPosition.row + 1, endLine: node.endPosition.row + 1 };
    if (isFunction) return scope;
    classLike = scope;
  }
  return classLike;
}

/** On an empty line that is indented no deeper than where the node begins, the cursor is no longer in it. */
function isLeft(node: SyntaxNodeLike, text: string, lineBefore: string): boolean {
  if (lineBefore.trim() !== "") return false;
  if (text.slice(node.startIndex, node.endIndex).trimEnd().endsWith("}")) return false;
  return lineBefore.length <= node.startPosition.column;
}

function nameOf(node: SyntaxNodeLike, text: string): string {
  let named = node.childForFieldName("name");
  for (let declarator = node.childForFieldName("declarator"); named === null && declarator !== null;) {
    const inner = declarator.childForFieldName("declarator");
    if (inner === null) named = declarator;
    declarator = inner;
  }
  // Rust's `impl` blocks.
  if (classTypes.test(node.type)) named ??= node.childForFieldName("type");
  // A function without a name is called like the variable or property that it is assigned to.
  named ??= node.parent?.childForFieldName("name") ?? node.parent?.childForFieldName("key") ?? null;
  const name = named === null ? "" : text.slice(named.startIndex, named.endIndex);
  return name.includes("\n") ? "" : name.slice(0, 120);
}
