/** From the matches of units.scm to a tree of definitions. */
import type { UnitKind } from "../protocol/units.ts";
import type { SyntaxMatch, SyntaxNode } from "./ports.ts";
import type { SourceLines } from "./parseLines.ts";

/** Something that a file defines. Indexes into the text, rows from 0, both ends of row ranges included. */
export interface Definition {
  readonly kind: UnitKind;
  readonly name: string;
  /** Text before the name in the qualified name; empty where nesting says it all. */
  readonly scope: string;
  readonly startIndex: number;
  readonly endIndex: number;
  /** Where the body starts; `endIndex` where there is none. */
  readonly bodyIndex: number;
  readonly hasBody: boolean;
  /** The declaration's first row; documentation above it is not included. */
  readonly signatureRow: number;
  readonly lastRow: number;
  readonly children: Definition[];
}

/** Kinds whose members are units of their own. */
const containerKinds: ReadonlySet<UnitKind> = new Set<UnitKind>(["class", "interface", "enum", "module"]);
/** A constant of fewer lines stays in the header. */
const constantLinesMin = 3;
/** A constant (an object of functions) of more lines is treated like a class. */
const constantLinesWhole = 60;
/** So is a function of more lines: it is the scope of a whole library, and what it defines is looked for by name. */
const functionLinesWhole = 240;
/** More than this is not a name but an expression. */
const nameCharactersMax = 120;

/** Whether the members of a definition are units of their own. */
function isContainer(definition: Definition): boolean {
  const lines = definition.lastRow - definition.signatureRow + 1;
  if (definition.kind === "constant") return lines > constantLinesWhole;
  if (definition.kind === "function") return lines > functionLinesWhole;
  return containerKinds.has(definition.kind);
}

/** The definitions that become units, nested, in the order of the text; and where every name stands that is defined. */
export function definitionTree(
  matches: readonly SyntaxMatch[],
  source: SourceLines,
): { readonly roots: readonly Definition[]; readonly definedAt: ReadonlySet<number> } {
  const definedAt = new Set<number>();
  const found = collect(matches, source, definedAt);
  const sorted = [...found.values()].sort((a, b) => a.startIndex - b.startIndex || b.endIndex - a.endIndex);
  const roots: Definition[] = [];
  const open: { readonly definition: Definition; readonly kept: boolean }[] = [];
  for (const definition of sorted) {
    let parent = open.at(-1);
    while (parent !== undefined && parent.definition.endIndex <= definition.startIndex) {
      open.pop();
      parent = open.at(-1);
    }
    const kept = isUnit(definition, parent);
    if (kept) (parent?.definition.children ?? roots).push(definition);
    open.push({ definition, kept });
  }
  return { roots: mergeOverloads(roots), definedAt };
}

function isUnit(
  definition: Definition,
  parent: { readonly definition: Definition; readonly kept: boolean } | undefined,
): boolean {
  if (parent?.kept === false) return false;
  const isTopLevel = parent === undefined || parent.definition.kind === "module";
  if (definition.kind === "constant") {
    return isTopLevel && definition.lastRow - definition.signatureRow + 1 >= constantLinesMin;
  }
  if (isTopLevel) return true;
  if (!isContainer(parent.definition)) return false;
  return definition.hasBody || isContainer(definition);
}

/** One definition per node: patterns that match the same node add to each other, and the first decides on the kind. */
function collect(
  matches: readonly SyntaxMatch[],
  source: SourceLines,
  definedAt: Set<number>,
): ReadonlyMap<string, Definition> {
  const found = new Map<string, Definition & { readonly pattern: number }>();
  const widened = findWidened(matches);
  for (const { pattern, captures } of matches) {
    let kind: UnitKind | null = null;
    let node: SyntaxNode | null = null;
    let name: SyntaxNode | null = null;
    let body: SyntaxNode | null = null;
    let outer: SyntaxNode | null = null;
    let scope = "";
    for (const capture of captures) {
      if (capture.name.startsWith("definition.")) {
        kind = capture.name.slice("definition.".length) as UnitKind;
        node = capture.node;
      } else if (capture.name === "name") name ??= capture.node;
      else if (capture.name === "body") body = capture.node;
      else if (capture.name === "outer") outer ??= capture.node;
      else if (capture.name === "scope") scope = joinNames(scope, plainName(textOf(capture.node, source)));
    }
    if (kind === null || node === null || name === null) continue;
    definedAt.add(name.startIndex);
    const key = keyOf(node);
    const earlier = found.get(key);
    const endIndex = lastCharacter(node.endIndex, node.startIndex, source) + 1;
    const startIndex = Math.min(
      node.startIndex,
      outer?.startIndex ?? node.startIndex,
      widened.get(key) ?? node.startIndex,
      earlier?.startIndex ?? node.startIndex,
    );
    const hasBody = body !== null && body.startIndex < endIndex;
    const first = earlier === undefined || pattern < earlier.pattern;
    const simpleName = plainName(textOf(name, source));
    if (simpleName === "") continue;
    found.set(key, {
      kind: first ? kind : earlier.kind,
      name: first ? simpleName : earlier.name,
      scope: first ? scope || (earlier?.scope ?? "") : earlier.scope || scope,
      startIndex,
      endIndex,
      bodyIndex: body !== null && hasBody ? body.startIndex : (earlier?.bodyIndex ?? endIndex),
      hasBody: hasBody || (earlier?.hasBody ?? false),
      signatureRow: source.rowOf(startIndex),
      lastRow: source.rowOf(endIndex - 1),
      children: [],
      pattern: first ? pattern : earlier.pattern,
    });
  }
  return found;
}

/** Where definitions start that a pattern with `@inner` and `@outer` widens, by the key of the inner node. */
function findWidened(matches: readonly SyntaxMatch[]): ReadonlyMap<string, number> {
  const widened = new Map<string, number>();
  for (const { captures } of matches) {
    const inner = captures.find((capture) => capture.name === "inner")?.node;
    const outer = captures.find((capture) => capture.name === "outer")?.node;
    if (inner === undefined || outer === undefined) continue;
    const key = keyOf(inner);
    widened.set(key, Math.min(outer.startIndex, widened.get(key) ?? outer.startIndex));
  }
  return widened;
}

function keyOf(node: SyntaxNode): string {
  return `${node.startIndex} ${node.endIndex}`;
}

/** Declarations of overloads that stand directly before the implementation (or each other) are one unit with it. */
function mergeOverloads(definitions: readonly Definition[]): readonly Definition[] {
  const merged: Definition[] = [];
  for (const definition of definitions) {
    definition.children.splice(0, definition.children.length, ...mergeOverloads(definition.children));
    const before = merged.at(-1);
    if (before !== undefined && isOverload(before, definition)) {
      merged[merged.length - 1] = {
        ...definition,
        startIndex: before.startIndex,
        signatureRow: before.signatureRow,
        bodyIndex: definition.bodyIndex,
      };
    } else merged.push(definition);
  }
  return merged;
}

function isOverload(before: Definition, definition: Definition): boolean {
  return (
    before.kind === "function" &&
    definition.kind === "function" &&
    !before.hasBody &&
    before.name === definition.name &&
    before.scope === definition.scope &&
    definition.signatureRow - before.lastRow <= 1
  );
}

/** A name as written, without quotes, blanks and line breaks; `A::b` and `A->b` become `A.b`. */
function plainName(text: string): string {
  return text
    .replace(/^["'`:]|["'`]$/g, "")
    .replace(/\s+/g, " ")
    .replace(/::|->|\\/g, ".")
    .replace(/^[.\s]+|[.\s]+$/g, "")
    .slice(0, nameCharactersMax);
}

export function joinNames(before: string, name: string): string {
  return before === "" ? name : name === "" ? before : `${before}.${name}`;
}

function textOf(node: SyntaxNode, source: SourceLines): string {
  return source.text.slice(node.startIndex, node.endIndex);
}

function lastCharacter(endIndex: number, startIndex: number, source: SourceLines): number {
  let last = endIndex - 1;
  while (last > startIndex && /\s/.test(source.text[last] ?? "")) last -= 1;
  return Math.max(last, startIndex);
}
