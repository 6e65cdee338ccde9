/**
 * The words of a unit as numbers: what BM25 needs of it, counted once when the unit is indexed, so that a question costs
 * a look-up per term instead of splitting some hundred units' texts again.
 */
import type { Unit } from "../protocol/units.ts";
import { stemWord } from "./stem.ts";
import { splitWords } from "./words.ts";

/** How often a unit's field counts. Body words count once; names and paths are chosen with care. */
export const fieldWeights = { body: 1, doc: 1.5, name: 3, path: 2 } as const;
/** A unit's text beyond this adds little but time: 8,000 characters are about 200 lines. */
export const textCharactersMax = 8000;
/** Only the end of a path names what is in a file. */
const pathFoldersMax = 3;
/** Field weights are multiples of one half; counts and lengths are stored as whole numbers of them. */
const perCount = 2;
const countMax = 0xffff;

/** Stems of one unit, by hash, and how often they occur, weighted by field. */
export interface WordBag {
  /** `stemHash` of each distinct stem, ascending. */
  readonly stems: Uint32Array;
  /** Weighted occurrences, in halves, in the order of `stems`. */
  readonly halves: Uint16Array;
  /** Weighted words of the whole unit. */
  readonly length: number;
}

/** 32 bits: two of the hundred stems of a unit share one in a million units. */
export function stemHash(stem: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < stem.length; at += 1) hash = Math.imul(hash ^ stem.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Weighted occurrences of a stem; 0 where the unit does not have it. */
export function countOf({ stems, halves }: WordBag, hash: number): number {
  let low = 0;
  let high = stems.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((stems[middle] ?? 0) < hash) low = middle + 1;
    else high = middle;
  }
  return stems[low] === hash ? (halves[low] ?? 0) / perCount : 0;
}

/** Counts the words of units; remembers the hash of each word it has seen. */
export class WordBagger {
  readonly #hashes = new Map<string, number>();

  bagOf(unit: Pick<Unit, "path" | "qualifiedName" | "doc" | "text">): WordBag {
    const counts = new Map<number, number>();
    const path = unit.path.split("/").slice(-pathFoldersMax).join("/");
    const length =
      this.#add(counts, unit.text.slice(0, textCharactersMax), fieldWeights.body) +
      this.#add(counts, unit.doc, fieldWeights.doc) +
      this.#add(counts, unit.qualifiedName, fieldWeights.name) +
      this.#add(counts, path, fieldWeights.path);
    const stems = Uint32Array.from(counts.keys()).sort();
    const halves = Uint16Array.from(stems, (stem) => Math.min(countMax, (counts.get(stem) ?? 0) * perCount));
    return { stems, halves, length };
  }

  #add(counts: Map<number, number>, text: string, weight: number): number {
    const words = splitWords(text);
    for (const word of words) {
      const hash = this.#hash(word);
      counts.set(hash, (counts.get(hash) ?? 0) + weight);
    }
    return words.length * weight;
  }

  #hash(word: string): number {
    const known = this.#hashes.get(word);
    if (known !== undefined) return known;
    // One vocabulary per repository, not one per life of the process.
    if (this.#hashes.size >= hashesKeptMax) this.#hashes.clear();
    const hash = stemHash(stemWord(word));
    this.#hashes.set(word, hash);
    return hash;
  }
}

const hashesKeptMax = 200_000;

/**
 * The bags of a file's units as one run of bytes, little-endian: the number of units; per unit the number of its stems
 * and its length in halves; all stems; all halves.
 */
export function packBags(bags: readonly WordBag[]): Uint8Array<ArrayBuffer> {
  const stemsTotal = bags.reduce((sum, { stems }) => sum + stems.length, 0);
  const bytes = new Uint8Array(headOf(bags.length) + stemsTotal * stemBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bags.length, true);
  let stemAt = headOf(bags.length);
  let halfAt = stemAt + stemsTotal * 4;
  bags.forEach(({ stems, halves, length }, unit) => {
    view.setUint32(headOf(unit), stems.length, true);
    view.setUint32(headOf(unit) + 4, length * perCount, true);
    stems.forEach((stem, at) => {
      view.setUint32(stemAt + at * 4, stem, true);
      view.setUint16(halfAt + at * 2, halves[at] ?? 0, true);
    });
    stemAt += stems.length * 4;
    halfAt += stems.length * 2;
  });
  return bytes;
}

/** What `packBags` packed; a bag is read when it is asked for. */
export class PackedBags {
  readonly #view: DataView;
  /** Where each unit's stems begin, counted in stems; one more for the end. */
  readonly #starts: Uint32Array;

  /** Throws RangeError where the bytes are cut short. */
  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const units = this.#view.getUint32(0, true);
    this.#starts = new Uint32Array(units + 1);
    for (let unit = 0; unit < units; unit += 1) {
      this.#starts[unit + 1] = (this.#starts[unit] ?? 0) + this.#view.getUint32(headOf(unit), true);
    }
    if (bytes.byteLength !== headOf(units) + this.#stemsTotal * stemBytes) throw new RangeError("cut short");
  }

  /** The bag of the file's unit of this number; an empty one where the file has no such unit. */
  bag(unit: number): WordBag {
    const units = this.#starts.length - 1;
    if (unit >= units) return { stems: new Uint32Array(), halves: new Uint16Array(), length: 0 };
    const start = this.#starts[unit] ?? 0;
    const length = (this.#starts[unit + 1] ?? 0) - start;
    const stemsAt = headOf(units) + start * 4;
    const halvesAt = headOf(units) + this.#stemsTotal * 4 + start * 2;
    const stems = new Uint32Array(length);
    const halves = new Uint16Array(length);
    for (let at = 0; at < length; at += 1) {
      stems[at] = this.#view.getUint32(stemsAt + at * 4, true);
      halves[at] = this.#view.getUint16(halvesAt + at * 2, true);
    }
    return { stems, halves, length: this.#view.getUint32(headOf(unit) + 4, true) / perCount };
  }

  get #stemsTotal(): number {
    return this.#starts.at(-1) ?? 0;
  }
}

const stemBytes = 6;

/** Where a unit's number of stems stands. */
function headOf(unit: number): number {
  return 4 + unit * 8;
}
