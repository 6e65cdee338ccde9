/**
 * The repository digest: signatures of the units that most of the code leads to. It stands before everything that
 * depends on a question, so a model reads it once per state of the repository.
 */
import type { Unit } from "../protocol/units.ts";
import { rankReferences } from "./pageRank.ts";
import { pathKind } from "./pathKinds.ts";
import type { ReferenceGraph, TokenCounter, UnitSource } from "./ports.ts";

export interface DigestOptions {
  readonly counter: TokenCounter;
  /** The digest takes at most this much, its heading included. */
  readonly budgetTokens: number;
  /** Units that are not told of; none unless given. */
  readonly isLeftOut?: (unit: Unit) => boolean;
}

/** Units that are looked at; more would not fit into any digest. */
const unitsMax = 400;
/** Signatures of one file, so that a few files do not take it all. */
const unitsPerFileMax = 4;
/** Fewer signatures are not worth a heading. */
const signaturesMin = 3;
const signatureCharactersMax = 160;
const heading = "# Central declarations of the repository\n\n";

/**
 * The digest's text, or an empty one where too little fits. It depends on the index only, and signatures stand in the
 * order of their paths: it stays the same, byte for byte, until a signature in it changes or another unit becomes central.
 */
export function digestText(source: Pick<UnitSource, "graph" | "units">, options: DigestOptions): string {
  const { counter, budgetTokens, isLeftOut } = options;
  const chosen: Unit[] = [];
  const perFile = new Map<string, number>();
  let left = budgetTokens - counter.count(heading);
  for (const unit of centralUnits(source)) {
    const inFile = perFile.get(unit.path) ?? 0;
    if (inFile >= unitsPerFileMax || isLeftOut?.(unit) === true) continue;
    const tokens = counter.count(signatureLine(unit)) + (inFile === 0 ? counter.count(pathLine(unit.path)) : 0);
    if (tokens > left) break;
    left -= tokens;
    chosen.push(unit);
    perFile.set(unit.path, inFile + 1);
  }
  // Texts may count a little more together than one by one.
  while (chosen.length >= signaturesMin) {
    const text = rendered(chosen);
    if (counter.count(text) <= budgetTokens) return text;
    chosen.pop();
  }
  return "";
}

/** Most central first: what the program's own code refers to, directly and through other code. */
function centralUnits(source: Pick<UnitSource, "graph" | "units">): readonly Unit[] {
  const graph = source.graph();
  const known = central.get(graph);
  if (known !== undefined) return known;
  const everyUnit = new Map(graph.nodes.map((id) => [id, 1]));
  const ids = rankReferences(graph, everyUnit, unitsMax).map(({ id }) => id);
  const units = source.units(ids).filter((unit) => unit.signature.trim() !== "" && pathKind(unit.path) === null);
  central.set(graph, units);
  return units;
}

/** A graph is built once per index state. */
const central = new WeakMap<ReferenceGraph, readonly Unit[]>();

function rendered(units: readonly Unit[]): string {
  const ordered = [...units].sort(
    (a, b) => compare(a.path, b.path) || a.startLine - b.startLine || compare(a.id, b.id),
  );
  let text = heading;
  let path = "";
  for (const unit of ordered) {
    if (unit.path !== path) text += pathLine(unit.path);
    path = unit.path;
    text += signatureLine(unit);
  }
  return `${text}\n`;
}

function pathLine(path: string): string {
  return `${path}\n`;
}

/** The declaration on one line. Line numbers would change with every edit above. */
function signatureLine({ signature }: Unit): string {
  const line = signature.replace(/\s+/g, " ").trim();
  const cut = line.length > signatureCharactersMax ? `${line.slice(0, signatureCharactersMax)}…` : line;
  return `    ${cut.replace(/\s*[{:]$/, "")}\n`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
