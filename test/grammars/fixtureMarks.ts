/** The expectations written into grammars/<language>/fixture.*; their form is described in grammars/README.md. */
import assert from "node:assert/strict";
import { referenceRoles, unitKinds, type ParsedFile, type Unit } from "../../extension/protocol/units.ts";
import type { LanguageRow } from "../../extension/pipeline/ports.ts";

/** The fixture as it is parsed: mark lines are empty, so that they count in line numbers and document nothing. */
export function withoutMarks(text: string, language: LanguageRow): string {
  const pattern = markPattern(language);
  return text
    .split("\n")
    .map((line) => (pattern.test(line) ? "" : line))
    .join("\n");
}

interface Mark {
  /** The line (from 1) the mark speaks of, and the line it stands on. */
  readonly line: number;
  readonly markLine: number;
  /** The text under the carets. */
  readonly text: string;
  readonly words: string;
}

/** Kinds that a fixture must mark without exception. */
const markedKinds = new Set(["function", "method", "class", "interface", "enum", "type", "module"]);

/** Throws an AssertionError that names the mark's line at the first expectation that does not hold. */
export function checkMarks(text: string, language: LanguageRow, parsed: ParsedFile): void {
  const marks = findMarks(text, language);
  assert.ok(marks.length > 0, "the fixture has no marks");
  const marked = new Set<string>();
  for (const mark of marks) {
    const [word = ""] = mark.words.split(" ");
    const where = `${parsed.path}:${mark.markLine}: ${mark.words}`;
    if (word !== mark.words && unitKinds.some((kind) => kind === word)) marked.add(checkUnit(mark, parsed, where).id);
    else if (word === "import") checkImport(mark, parsed, where);
    else if (word === "nothing") checkNothing(mark, parsed, where);
    else if (referenceRoles.some((role) => role === word)) checkReference(mark, word, parsed, where);
    else assert.fail(`${where}: unknown mark`);
  }
  const names = new Set(parsed.units.filter((unit) => marked.has(unit.id)).map(labelOf));
  const missed = parsed.units.filter((unit) => markedKinds.has(unit.kind) && !names.has(labelOf(unit)));
  assert.deepEqual(missed.map(labelOf), [], `${parsed.path}: units without a mark`);
}

function findMarks(text: string, language: LanguageRow): Mark[] {
  const pattern = markPattern(language);
  const marks: Mark[] = [];
  let line = 0;
  let above = "";
  for (const [row, tabbed] of text.split(/\r?\n/).entries()) {
    const content = expandTabs(tabbed);
    const match = pattern.exec(content);
    if (match === null) {
      line = row + 1;
      above = content;
      continue;
    }
    const [, indent = "", carets = "", words = ""] = match;
    const [start, end] = match.indices?.[2] ?? [0, 0];
    // `<-` is for names so far left that no caret fits under them: it means the word above the comment's own start.
    const marked = carets === "<-" ? (/^[\w$-]+/.exec(above.slice(indent.length))?.[0] ?? "") : above.slice(start, end);
    marks.push({ line, markLine: row + 1, text: marked, words: words.trim() });
  }
  return marks;
}

function markPattern(language: LanguageRow): RegExp {
  const comment = language.lineComment.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
  return new RegExp(`^(\\s*)${comment}\\s*(\\^+|<-)\\s+(.*)$`, "d");
}

/** Tab stops every four columns, so that carets stand where an editor shows them. */
function expandTabs(line: string): string {
  let expanded = "";
  for (const character of line) {
    expanded += character === "\t" ? " ".repeat(4 - (expanded.length % 4)) : character;
  }
  return expanded;
}

function checkUnit(mark: Mark, parsed: ParsedFile, where: string): Unit {
  const [, kind, name, ranges, doc] = /^(\S+) (\S+)(?: ([\d,-]+))?(?: doc="(.*)")?$/.exec(mark.words) ?? [];
  assert.ok(kind !== undefined && name !== undefined, `${where}: not of the form <kind> <name> [ranges] [doc="…"]`);
  const unit = parsed.units.find(
    (one) => one.kind === kind && one.qualifiedName === name && linesOf(one).includes(mark.line),
  );
  assert.ok(unit, `${where}: found only ${unitsAt(parsed, mark.line).map(labelOf).join(", ")}`);
  if (kind !== "header") assert.equal(unit.name, mark.text.replace(/^["'`:]|["'`]$/g, ""), where);
  if (ranges !== undefined) assert.equal(rangesOf(unit), ranges, where);
  if (doc !== undefined) assert.equal(unit.doc.replaceAll("\n", " "), doc, where);
  return unit;
}

function checkImport(mark: Mark, parsed: ParsedFile, where: string): void {
  const module = /^import "(.*)"$/.exec(mark.words)?.[1];
  if (module === undefined) {
    checkReference(mark, "import", parsed, where);
    return;
  }
  const imported = parsed.imports.map((entry) => `${entry.line} ${entry.module}`);
  assert.ok(imported.includes(`${mark.line} ${module}`), `${where}: found only ${imported.join(", ")}`);
}

function checkReference(mark: Mark, role: string, parsed: ParsedFile, where: string): void {
  assert.equal(mark.words, role, `${where}: words after a role`);
  const unit = unitsAt(parsed, mark.line).at(-1);
  assert.ok(unit, `${where}: no unit has line ${mark.line}`);
  const found = unit.references.map((reference) => `${reference.role} ${reference.name}`);
  assert.ok(
    found.includes(`${role} ${mark.text}`),
    `${where}: ${labelOf(unit)} mentions only ${found.join(", ")}, not ${mark.text}`,
  );
}

function checkNothing(mark: Mark, parsed: ParsedFile, where: string): void {
  for (const unit of unitsAt(parsed, mark.line)) {
    const found = unit.references.find((reference) => reference.name === mark.text);
    assert.equal(found, undefined, `${where}: ${labelOf(unit)} mentions ${mark.text}`);
  }
}

/** Units that have a line, outer ones first. */
function unitsAt(parsed: ParsedFile, line: number): Unit[] {
  return parsed.units
    .filter((unit) => linesOf(unit).includes(line))
    .sort((a, b) => b.endLine - b.startLine - (a.endLine - a.startLine));
}

function linesOf(unit: Unit): number[] {
  return unit.ranges.flatMap(({ startLine, endLine }) =>
    Array.from({ length: endLine - startLine + 1 }, (_, i) => startLine + i),
  );
}

function rangesOf(unit: Unit): string {
  return unit.ranges
    .map(({ startLine, endLine }) => (startLine === endLine ? String(startLine) : `${startLine}-${endLine}`))
    .join(",");
}

function labelOf(unit: Unit): string {
  return `${unit.kind} ${unit.qualifiedName}`;
}
