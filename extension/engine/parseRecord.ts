/**
 * A parsed file in the form in which it is stored: flat strings, so that it crosses from a worker and enters SQLite
 * without an object per reference or word.
 */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { fields } from "../pipeline/ports.ts";
import type { StaticEncoder } from "../pipeline/ports.ts";
import { packBags, type WordBag, WordBagger } from "../pipeline/wordBags.ts";
import { splitWords } from "../pipeline/words.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type {
  FileProblem,
  Import,
  LineRange,
  ParsedFile,
  Reference,
  ReferenceRole,
  Unit,
  UnitKind,
} from "../protocol/units.ts";

/** One text per entry of `fields`, words separated by blanks. */
export type FieldWords = readonly string[];

export interface UnitRecord {
  /** Number after the `#` of the unit's id. */
  readonly ordinal: number;
  readonly kind: UnitKind;
  readonly name: string;
  readonly qualifiedName: string;
  /** `1-3,7-9` */
  readonly ranges: string;
  readonly signature: string;
  readonly doc: string;
  /** One line per reference: role letter, line, blank, name. */
  readonly references: string;
  readonly words: FieldWords;
}

export interface FileRecord {
  readonly path: string;
  readonly language: string;
  readonly lines: number;
  /** The text, compressed with Zstandard. */
  readonly packedText: Uint8Array<ArrayBuffer>;
  readonly units: readonly UnitRecord[];
  /** One line per import: line, tab, module, then a tab before each name. */
  readonly imports: string;
  readonly problems: readonly FileProblem[];
  /** Words of all units per entry of `fields`. */
  readonly wordCounts: readonly number[];
  /** The words of each unit, see `packBags`; by the number of the unit. */
  readonly wordBags: Uint8Array<ArrayBuffer>;
  /** A row per unit, see `unitRows`; null where there was no static table. */
  readonly vectors: Int8Array<ArrayBuffer> | null;
}

/** Units per file that are kept; an id's row is file × this + ordinal. A file beyond it is data. */
export const unitsPerFileMax = 65536;

/** Knows the words of earlier files too. */
const bagger = new WordBagger();

/** `encoder` null: without vectors. */
export function recordOf(
  parsed: ParsedFile,
  { text, language }: { readonly text: string; readonly language: string },
  encoder: StaticEncoder | null,
): FileRecord {
  const pathWords = splitWords(parsed.path);
  const wordCounts = fields.map(() => 0);
  const units: UnitRecord[] = [];
  const bags: WordBag[] = [];
  for (const unit of parsed.units) {
    const ordinal = ordinalOf(unit.id);
    if (ordinal >= unitsPerFileMax) continue;
    const words = fieldTexts(unit).map((field) => (field === null ? pathWords : splitWords(field)));
    words.forEach((list, at) => (wordCounts[at] = (wordCounts[at] ?? 0) + list.length));
    bags.push(bagger.bagOf(unit));
    units.push({
      ordinal,
      kind: unit.kind,
      name: unit.name,
      qualifiedName: unit.qualifiedName,
      ranges: unit.ranges.map(({ startLine, endLine }) => `${startLine}-${endLine}`).join(","),
      signature: unit.signature,
      doc: unit.doc,
      references: unit.references.map(({ name, role, line }) => `${roleLetters[role]}${line} ${flat(name)}`).join("\n"),
      words: words.map((list) => list.join(" ")),
    });
  }
  return {
    path: parsed.path,
    language,
    lines: countLines(text),
    packedText: packText(text),
    units,
    imports: parsed.imports
      .map(({ module, names, line }) => [line, ...[module, ...names].map(flat)].join("\t"))
      .join("\n"),
    problems: parsed.problems,
    wordCounts,
    wordBags: packBags(bags),
    vectors: encoder === null ? null : unitRows(encoder, parsed.units.slice(0, units.length)),
  };
}

export function ordinalOf(id: string): number {
  return Number(id.slice(id.lastIndexOf("#") + 1));
}

/** The searchable text per entry of `fields`; null stands for the path, which all units of a file share. */
function fieldTexts(unit: Unit): readonly (string | null)[] {
  return [null, unit.qualifiedName, unit.signature, unit.doc, unit.text];
}

export function decodeRanges(ranges: string): LineRange[] {
  return ranges.split(",").map((range) => {
    const dash = range.indexOf("-");
    return { startLine: Number(range.slice(0, dash)), endLine: Number(range.slice(dash + 1)) };
  });
}

export function decodeReferences(references: string): Reference[] {
  if (references === "") return [];
  return references.split("\n").map((reference) => {
    const blank = reference.indexOf(" ");
    return {
      name: reference.slice(blank + 1),
      role: roleOf(reference.charAt(0)),
      line: Number(reference.slice(1, blank)),
    };
  });
}

export function decodeImports(imports: string): Import[] {
  if (imports === "") return [];
  return imports.split("\n").map((row) => {
    const [line = "0", module = "", ...names] = row.split("\t");
    return { module, names, line: Number(line) };
  });
}

/** A sentence as `JSON.stringify` wrote it. */
export function decodeSentence(stored: string): Sentence {
  return JSON.parse(stored) as Sentence;
}

/** The stored parts of a unit put together; `lines` are those of its file. */
export function unitOf(
  stored: Omit<UnitRecord, "words">,
  file: { readonly path: string; readonly language: string; readonly lines: readonly string[] },
): Unit {
  const ranges = decodeRanges(stored.ranges);
  return {
    id: `${file.path}#${stored.ordinal}`,
    path: file.path,
    language: file.language,
    kind: stored.kind,
    name: stored.name,
    qualifiedName: stored.qualifiedName,
    startLine: ranges[0]?.startLine ?? 1,
    endLine: ranges.at(-1)?.endLine ?? 1,
    ranges,
    signature: stored.signature,
    doc: stored.doc,
    text: ranges.map(({ startLine, endLine }) => file.lines.slice(startLine - 1, endLine).join("\n")).join("\n"),
    references: decodeReferences(stored.references),
  };
}

/** A row of the encoder's dimensions per unit: the unit-length vector times 127, rounded; zeros where there is none. */
export function unitRows(encoder: StaticEncoder, units: readonly Unit[]): Int8Array<ArrayBuffer> {
  const rows = new Int8Array(units.length * encoder.dimensions);
  units.forEach((unit, at) => {
    const vector = encoder.encodeUnit(unit);
    if (vector !== null) rows.set(vector.map(quantised), at * encoder.dimensions);
  });
  return rows;
}

function quantised(value: number): number {
  return Math.max(-127, Math.min(127, Math.round(value * 127)));
}

/** Level 3 halves nothing more at twice the time; level 1 packs code to about a third. */
const zstdLevel = 1;

export function packText(text: string): Uint8Array<ArrayBuffer> {
  // A copy of its own: a pooled Buffer cannot be transferred between threads.
  return new Uint8Array(zstdCompressSync(text, { params: { [zstdCompressionLevel]: zstdLevel } }));
}

export function unpackText(packed: Uint8Array): string {
  return zstdDecompressSync(packed).toString("utf8");
}

/** `ZSTD_c_compressionLevel` of zstd.h, which node:zlib passes on by number. */
const zstdCompressionLevel = 100;

const roleLetters: Readonly<Record<ReferenceRole, string>> = { call: "c", type: "t", import: "i", name: "n" };

function roleOf(letter: string): ReferenceRole {
  return letter === "c" ? "call" : letter === "t" ? "type" : letter === "i" ? "import" : "name";
}

/** Names are stored one per line or tab-separated. */
function flat(name: string): string {
  return /[\n\t]/.test(name) ? name.replace(/\s+/g, " ") : name;
}

/** Lines as an editor counts them; a final newline does not start another. */
function countLines(text: string): number {
  if (text === "") return 0;
  let lines = text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
