/** A unit source over units in memory, with the same contract as the index. */
import type {
  CorpusStatistics,
  Field,
  ReferenceGraph,
  StaticEncoder,
  StaticVectors,
  UnitSource,
} from "../../extension/pipeline/ports.ts";
import { fields } from "../../extension/pipeline/ports.ts";
import { unitRows } from "../../extension/engine/parseRecord.ts";
import { StaticRows } from "../../extension/pipeline/staticRows.ts";
import { holdsLine, isSameFile } from "../../extension/pipeline/namedPlaces.ts";
import { WordBagger } from "../../extension/pipeline/wordBags.ts";
import { splitWords } from "../../extension/pipeline/words.ts";
import type { LineRange, Unit, UnitKind } from "../../extension/protocol/units.ts";

export interface UnitSpec {
  readonly path: string;
  readonly name: string;
  readonly text: string;
  readonly ordinal?: number;
  readonly kind?: UnitKind;
  readonly qualifiedName?: string;
  readonly signature?: string;
  readonly doc?: string;
  readonly language?: string;
  readonly startLine?: number;
  readonly ranges?: readonly LineRange[];
  /** Names that the unit calls. */
  readonly calls?: readonly string[];
}

export function makeUnit(spec: UnitSpec): Unit {
  const startLine = spec.ranges?.[0]?.startLine ?? spec.startLine ?? 1;
  const lines = spec.text.split("\n").length;
  const ranges = spec.ranges ?? [{ startLine, endLine: startLine + lines - 1 }];
  return {
    id: `${spec.path}#${spec.ordinal ?? 0}`,
    path: spec.path,
    language: spec.language ?? "typescript",
    kind: spec.kind ?? "function",
    name: spec.name,
    qualifiedName: spec.qualifiedName ?? spec.name,
    startLine,
    endLine: ranges.at(-1)?.endLine ?? startLine,
    ranges,
    signature: spec.signature ?? "",
    doc: spec.doc ?? "",
    text: spec.text,
    references: (spec.calls ?? []).map((name) => ({ name, role: "call", line: startLine })),
  };
}

/** Counts calls of `units`, so that a test can say how often units were fetched. */
export interface MemoryUnits extends UnitSource {
  readonly fetches: () => number;
}

export function memoryUnits(units: readonly Unit[], encoder: StaticEncoder | null = null): MemoryUnits {
  const byId = new Map(units.map((unit) => [unit.id, unit]));
  const wordsById = new Map(units.map((unit) => [unit.id, allWords(unit)]));
  const below = (root: string) => units.filter((unit) => root === "" || unit.path.startsWith(`${root}/`));
  const graph = referenceGraph(units);
  const vectors = encoder === null ? null : staticVectors(units, encoder);
  let fetches = 0;
  return {
    fetches: () => fetches,
    statistics: (root) => statistics(below(root)),
    documentFrequency(words) {
      const count = (word: string) => units.filter((unit) => wordsById.get(unit.id)?.includes(word)).length;
      return new Map(words.map((word) => [word, count(word)]));
    },
    searchWords(words, limit, root) {
      const wanted = new Set(words);
      const count = (unit: Unit) => (wordsById.get(unit.id) ?? []).filter((word) => wanted.has(word)).length;
      const found = below(root).filter((unit) => count(unit) > 0);
      found.sort((a, b) => count(b) - count(a) || (a.id < b.id ? -1 : 1));
      return found.slice(0, limit).map((unit) => unit.id);
    },
    unitsNamed(names, limit, root) {
      const wanted = new Set(names.map((name) => name.toLowerCase()));
      return idsOf(below(root).filter((unit) => wanted.has(unit.name.toLowerCase()))).slice(0, limit);
    },
    unitsAtLines(lines, root) {
      const holds = (unit: Unit) =>
        lines.some(({ path, line }) => isSameFile(unit.path, path) && holdsLine(unit, line));
      return below(root)
        .filter(holds)
        .map((unit) => unit.id);
    },
    unitsInPaths(suffixes, limit, root) {
      const fits = (unit: Unit) => {
        const path = unit.path.toLowerCase();
        const forms = [path, path.replace(/\.\w+$/, "")];
        return suffixes.some((suffix) => forms.some((form) => form === suffix || form.endsWith(`/${suffix}`)));
      };
      return idsOf(below(root).filter(fits)).slice(0, limit);
    },
    units(ids) {
      fetches += 1;
      return ids.flatMap((id) => byId.get(id) ?? []);
    },
    wordBags(asked) {
      const bagger = new WordBagger();
      return asked.map((unit) => bagger.bagOf(unit));
    },
    graph: () => graph,
    staticVectors: () => vectors,
  };
}

function idsOf(units: readonly Unit[]): string[] {
  return units.map((unit) => unit.id);
}

function fieldText(unit: Unit, field: Field): string {
  const texts = {
    path: unit.path,
    name: unit.qualifiedName,
    signature: unit.signature,
    doc: unit.doc,
    body: unit.text,
  };
  return texts[field];
}

function allWords(unit: Unit): string[] {
  return fields.flatMap((field) => splitWords(fieldText(unit, field)));
}

function statistics(units: readonly Unit[]): CorpusStatistics {
  const mean = (field: Field) =>
    units.reduce((sum, unit) => sum + splitWords(fieldText(unit, field)).length, 0) / Math.max(1, units.length);
  return {
    units: units.length,
    meanLength: {
      path: mean("path"),
      name: mean("name"),
      signature: mean("signature"),
      doc: mean("doc"),
      body: mean("body"),
    },
  };
}

function referenceGraph(units: readonly Unit[]): ReferenceGraph {
  const offsets = [0];
  const targets: number[] = [];
  for (const unit of units) {
    for (const reference of unit.references) {
      units.forEach((target, node) => {
        if (target.name === reference.name) targets.push(node);
      });
    }
    offsets.push(targets.length);
  }
  return {
    nodes: idsOf(units),
    offsets: Uint32Array.from(offsets),
    targets: Uint32Array.from(targets),
    weights: Float32Array.from(targets, () => 1),
  };
}

function staticVectors(units: readonly Unit[], encoder: StaticEncoder): StaticVectors {
  const rows = new StaticRows(encoder.dimensions, units.length);
  for (const [path, ofFile] of Map.groupBy(units, (unit) => unit.path)) {
    const numberOf = (unit: Unit) => Number(unit.id.slice(path.length + 1));
    const last = Math.max(...ofFile.map(numberOf));
    const stored = new Int8Array((last + 1) * encoder.dimensions);
    for (const unit of ofFile) stored.set(unitRows(encoder, [unit]), numberOf(unit) * encoder.dimensions);
    rows.addFile(path, stored);
  }
  return rows.vectors();
}
