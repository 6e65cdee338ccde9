/**
 * Who mentions what: references by name become weighted edges between units. Kept in memory per file, so that a changed
 * file costs its own rows and one pass over the numbers.
 */
import type { ReferenceGraph } from "../pipeline/ports.ts";
import type { ReferenceRole, UnitKind } from "../protocol/units.ts";
import { decodeImports, decodeReferences } from "./parseRecord.ts";

export interface GraphUnit {
  readonly ordinal: number;
  readonly kind: UnitKind;
  readonly name: string;
  /** As stored. */
  readonly references: string;
}

export interface GraphFile {
  readonly id: number;
  readonly path: string;
  readonly language: string;
  /** As stored. */
  readonly imports: string;
  readonly units: readonly GraphUnit[];
}

/** Calls and types say what a unit needs; an import or a bare name may be of no consequence. */
const roleWeights: Readonly<Record<ReferenceRole, number>> = { call: 1, type: 1, import: 0.5, name: 0.5 };
/** How much likelier a definition is meant that lies close; a definition anywhere else has 1. */
const affinities = { sameFile: 4, imported: 4, sameFolder: 2, otherLanguage: 0.1 } as const;
/** A name with more definitions says nothing about which is meant, unless one lies close. */
const definitionsMax = 32;

/** Languages that call one another's definitions by name. */
const families: Readonly<Record<string, string>> = {
  typescript: "script",
  tsx: "script",
  javascript: "script",
  c: "c",
  cpp: "c",
  java: "jvm",
  kotlin: "jvm",
  scala: "jvm",
};

interface Node {
  readonly path: string;
  readonly family: string;
  readonly folder: string;
  readonly stems: readonly string[];
  /** Lower-case names of modules that the file imports. */
  readonly imported: ReadonlySet<string>;
  readonly ordinals: Int32Array;
  /** Number of the name that each unit defines; −1 for headers and whole files. */
  readonly definitions: Int32Array;
  /** Mentions of unit i are `mentionOffsets[i] … mentionOffsets[i + 1]`. */
  readonly mentionOffsets: Int32Array;
  readonly mentions: Int32Array;
  readonly mentionWeights: Float32Array;
}

/** Units by the name that they define, as compressed rows, and the file of each unit. */
interface Definitions {
  readonly offsets: Uint32Array;
  readonly nodes: Uint32Array;
  readonly fileOfNode: Uint32Array;
}

export class ReferenceGraphBuilder {
  readonly #names = new Map<string, number>();
  readonly #files = new Map<number, Node>();

  /** Adds a file or replaces what is known of it. */
  set(file: GraphFile): void {
    const segments = file.path.toLowerCase().split("/");
    const base = segments.at(-1) ?? "";
    const stem = base.replace(/\.[^.]*$/, "");
    const mentionOffsets = new Int32Array(file.units.length + 1);
    const mentions: number[] = [];
    const mentionWeights: number[] = [];
    file.units.forEach((unit, at) => {
      const weights = new Map<number, number>();
      for (const { name, role } of decodeReferences(unit.references)) {
        const id = this.#nameId(name);
        weights.set(id, Math.max(weights.get(id) ?? 0, roleWeights[role]));
      }
      for (const [id, weight] of weights) {
        mentions.push(id);
        mentionWeights.push(weight);
      }
      mentionOffsets[at + 1] = mentions.length;
    });
    this.#files.set(file.id, {
      path: file.path,
      family: families[file.language] ?? file.language,
      folder: file.path.slice(0, Math.max(0, file.path.lastIndexOf("/"))),
      stems: isFolderFile(stem) ? [segments.at(-2) ?? stem] : [stem],
      imported: importedModules(file.imports),
      ordinals: Int32Array.from(file.units, (unit) => unit.ordinal),
      definitions: Int32Array.from(file.units, (unit) =>
        unit.kind === "header" || unit.kind === "file" ? -1 : this.#nameId(unit.name),
      ),
      mentionOffsets,
      mentions: Int32Array.from(mentions),
      mentionWeights: Float32Array.from(mentionWeights),
    });
  }

  /** Forgets all files but these. */
  keep(ids: ReadonlySet<number>): void {
    for (const id of this.#files.keys()) if (!ids.has(id)) this.#files.delete(id);
  }

  /** Nodes by path, then by ordinal. Yields between files: the whole takes a second where there are many. */
  *build(): Generator<undefined, ReferenceGraph, undefined> {
    const files = [...this.#files.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
    const nodes = files.flatMap((file) => Array.from(file.ordinals, (ordinal) => `${file.path}#${ordinal}`));
    yield;
    const definitions = this.#definitions(files);
    const neighbours = new Neighbours(files);
    const offsets = new Uint32Array(nodes.length + 1);
    const edges = new EdgeList();
    let first = 0;
    for (const [at, file] of files.entries()) {
      yield;
      neighbours.enter(at);
      linkFile({ file, first, definitions, neighbours, offsets, edges });
      first += file.ordinals.length;
    }
    return { nodes, offsets, targets: edges.targets(), weights: edges.weights() };
  }

  #definitions(files: readonly Node[]): Definitions {
    const offsets = new Uint32Array(this.#names.size + 2);
    for (const file of files) {
      for (const name of file.definitions) if (name >= 0) offsets[name + 1] = (offsets[name + 1] ?? 0) + 1;
    }
    for (let name = 0; name + 1 < offsets.length; name += 1) {
      offsets[name + 1] = (offsets[name + 1] ?? 0) + (offsets[name] ?? 0);
    }
    const next = offsets.slice();
    const nodes = new Uint32Array(offsets.at(-1) ?? 0);
    const fileOfNode = new Uint32Array(files.reduce((sum, file) => sum + file.definitions.length, 0));
    let node = 0;
    for (const [at, file] of files.entries()) {
      for (const name of file.definitions) {
        fileOfNode[node] = at;
        if (name >= 0) {
          nodes[next[name] ?? 0] = node;
          next[name] = (next[name] ?? 0) + 1;
        }
        node += 1;
      }
    }
    return { offsets, nodes, fileOfNode };
  }

  #nameId(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    this.#names.set(name, this.#names.size);
    return this.#names.size - 1;
  }
}

/** What a name may mean in one file: definitions by how close they lie. */
interface Meanings {
  readonly targets: readonly number[];
  readonly affinities: readonly number[];
  readonly sum: number;
}

const noMeanings: Meanings = { targets: [], affinities: [], sum: 0 };

function meaningsOf(name: number, definitions: Definitions, neighbours: Neighbours): Meanings {
  const first = definitions.offsets[name] ?? 0;
  const end = definitions.offsets[name + 1] ?? 0;
  if (first === end) return noMeanings;
  const least = end - first > definitionsMax ? affinities.sameFolder : 0;
  const found = { targets: [] as number[], affinities: [] as number[], sum: 0 };
  for (let at = first; at < end; at += 1) {
    const target = definitions.nodes[at] ?? 0;
    const affinity = neighbours.affinityTo(definitions.fileOfNode[target] ?? 0);
    if (affinity < least) continue;
    found.targets.push(target);
    found.affinities.push(affinity);
    found.sum += affinity;
  }
  return found;
}

interface FileLinks {
  readonly file: Node;
  /** Node of the file's first unit. */
  readonly first: number;
  readonly definitions: Definitions;
  readonly neighbours: Neighbours;
  readonly offsets: Uint32Array;
  readonly edges: EdgeList;
}

/** Adds the edges of a file's units. Not a part of the generator, in which the loops would be several times slower. */
function linkFile({ file, first, definitions, neighbours, offsets, edges }: FileLinks): void {
  const known = new Map<number, Meanings>();
  for (let unit = 0; unit < file.ordinals.length; unit += 1) {
    const end = file.mentionOffsets[unit + 1] ?? 0;
    for (let at = file.mentionOffsets[unit] ?? 0; at < end; at += 1) {
      const name = file.mentions[at] ?? -1;
      let meanings = known.get(name);
      if (meanings === undefined) {
        meanings = meaningsOf(name, definitions, neighbours);
        known.set(name, meanings);
      }
      edges.add(first + unit, file.mentionWeights[at] ?? 0, meanings);
    }
    offsets[first + unit + 1] = edges.length;
  }
}

/** How close all files lie to the one at hand. */
class Neighbours {
  readonly #files: readonly Node[];
  readonly #families: Uint32Array;
  readonly #byFolder = new Map<string, number[]>();
  readonly #byStem = new Map<string, number[]>();
  /** By file: 0, or how close it lies to the one at hand. */
  readonly #close: Float32Array;
  #marked: number[] = [];
  #family = 0;

  constructor(files: readonly Node[]) {
    this.#files = files;
    this.#close = new Float32Array(files.length);
    const families = new Map<string, number>();
    this.#families = Uint32Array.from(files, ({ family }) => {
      const known = families.get(family) ?? families.size;
      families.set(family, known);
      return known;
    });
    files.forEach((file, at) => {
      listOf(this.#byFolder, file.folder).push(at);
      for (const stem of file.stems) listOf(this.#byStem, stem).push(at);
    });
  }

  /** From here on `affinityTo` speaks of distances from this file. */
  enter(at: number): void {
    const file = this.#files[at];
    if (file === undefined) return;
    for (const marked of this.#marked) this.#close[marked] = 0;
    this.#marked = [];
    this.#family = this.#families[at] ?? 0;
    this.#mark(this.#byFolder.get(file.folder), affinities.sameFolder);
    for (const stem of file.imported) this.#mark(this.#byStem.get(stem), affinities.imported);
    this.#mark([at], affinities.sameFile);
  }

  affinityTo(at: number): number {
    if (this.#families[at] !== this.#family) return affinities.otherLanguage;
    const close = this.#close[at] ?? 0;
    return close === 0 ? 1 : close;
  }

  #mark(files: readonly number[] | undefined, affinity: number): void {
    for (const file of files ?? []) {
      this.#close[file] = affinity;
      this.#marked.push(file);
    }
  }
}

function listOf(lists: Map<string, number[]>, key: string): number[] {
  const known = lists.get(key) ?? [];
  if (known.length === 0) lists.set(key, known);
  return known;
}

/** Files that stand for their folder when it is imported. */
function isFolderFile(stem: string): boolean {
  return stem === "index" || stem === "__init__" || stem === "mod";
}

/** The last two parts of each module and the imported names: `a.b.models` may mean models.py or b/models/… */
function importedModules(imports: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { module, names } of decodeImports(imports)) {
    const lowered = module.toLowerCase().replace(/["'`<>]/g, "");
    const parts = lowered.includes("/")
      ? [lowered.slice(lowered.lastIndexOf("/") + 1).replace(/\.[a-z]+$/, "")]
      : lowered
          .replace(/\.(?:h|hh|hpp|js|ts|rb|php|py|lua|sh)$/, "")
          .split(/[.:\\]+/)
          .slice(-2);
    for (const part of parts) if (part !== "") found.add(part);
    for (const name of names) found.add(name.toLowerCase());
  }
  return found;
}

/** Growing typed arrays. */
class EdgeList {
  #targets = new Uint32Array(1 << 14);
  #weights = new Float32Array(1 << 14);
  length = 0;

  /** The definitions of an ambiguous name share the mention's weight by how close they lie; a unit does not mean itself. */
  add(node: number, weight: number, meanings: Meanings): void {
    this.#reserve(meanings.targets.length);
    const targets = this.#targets;
    const weights = this.#weights;
    const own = meanings.targets.indexOf(node);
    const sum = own < 0 ? meanings.sum : meanings.sum - (meanings.affinities[own] ?? 0);
    let length = this.length;
    for (let at = 0; at < meanings.targets.length; at += 1) {
      if (at === own) continue;
      targets[length] = meanings.targets[at] ?? 0;
      weights[length] = ((meanings.affinities[at] ?? 0) * weight) / sum;
      length += 1;
    }
    this.length = length;
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#targets.length) return;
    const size = Math.max(this.length + count, this.#targets.length * 2);
    const targets = new Uint32Array(size);
    targets.set(this.#targets);
    this.#targets = targets;
    const weights = new Float32Array(size);
    weights.set(this.#weights);
    this.#weights = weights;
  }

  targets(): Uint32Array {
    return this.#targets.slice(0, this.length);
  }

  weights(): Float32Array {
    return this.#weights.slice(0, this.length);
  }
}
