import type { Unit } from "../protocol/units.ts";
import type { CorpusStatistics } from "./ports.ts";
import { countOf, fieldWeights, textCharactersMax, type WordBag } from "./wordBags.ts";
import { splitWords } from "./words.ts";

/** The usual values (Robertson & Zaragoza 2009); b is lower for whole files, whose length says less. */
export const saturation = 1.2;
export const lengthShare = 0.75;
export const fileLengthShare = 0.4;
/** A file's repetitions of a word beyond this say no more. */
const fileRepetitionsMax = 30;

/** Words of one unit that matter to a question. */
export interface TermCounts {
  /** Weighted occurrences per term, in the terms' order. */
  readonly counts: Float64Array;
  /** Weighted words of the whole unit. */
  readonly length: number;
}

/** One term's share of BM25, with `relativeLength` = length / mean length. */
export function termScore(idf: number, count: number, relativeLength: number, share: number): number {
  return (idf * count * (saturation + 1)) / (count + saturation * (1 - share + share * relativeLength));
}

/** Sum over the terms. */
export function bm25(idfs: readonly number[], found: TermCounts, meanLength: number, share: number): number {
  const relativeLength = meanLength > 0 ? found.length / meanLength : 1;
  let sum = 0;
  for (let term = 0; term < idfs.length; term += 1) {
    const count = found.counts[term] ?? 0;
    if (count > 0) sum += termScore(idfs[term] ?? 0, count, relativeLength, share);
  }
  return sum;
}

/** Counts terms in a unit whose words were counted when it was indexed; `hashes` are the terms' `stemHash`. */
export function bagCounts(bag: WordBag, hashes: readonly number[]): TermCounts {
  return { counts: Float64Array.from(hashes, (hash) => countOf(bag, hash)), length: bag.length };
}

/**
 * Counts terms in the texts of units. `termOf` maps a word to the number of its term, or −1; it is asked once per distinct word.
 */
export class TermCounter {
  readonly #terms: number;
  readonly #termOf: (word: string) => number;
  readonly #known = new Map<string, number>();

  constructor(terms: number, termOf: (word: string) => number) {
    this.#terms = terms;
    this.#termOf = termOf;
  }

  /** All fields as one text, each word once per occurrence. */
  plain(unit: Unit): TermCounts {
    const counts = new Float64Array(this.#terms);
    const texts = [unit.path, unit.qualifiedName, unit.signature, unit.doc, unit.text.slice(0, textCharactersMax)];
    return { counts, length: texts.reduce((length, text) => length + this.#add(counts, text), 0) };
  }

  #add(counts: Float64Array, text: string): number {
    const words = splitWords(text);
    for (const word of words) {
      const term = this.#term(word);
      if (term >= 0) counts[term] = (counts[term] ?? 0) + 1;
    }
    return words.length;
  }

  #term(word: string): number {
    const known = this.#known.get(word);
    if (known !== undefined) return known;
    const term = this.#termOf(word);
    this.#known.set(word, term);
    return term;
  }
}

/** Mean weighted length of a unit. */
export function meanWeightedLength({ meanLength }: CorpusStatistics): number {
  return (
    meanLength.body * fieldWeights.body +
    meanLength.doc * fieldWeights.doc +
    meanLength.name * fieldWeights.name +
    meanLength.path * fieldWeights.path
  );
}

/** Mean length of a unit with all fields as one text. */
export function meanPlainLength({ meanLength }: CorpusStatistics): number {
  return meanLength.path + meanLength.name + meanLength.signature + meanLength.doc + meanLength.body;
}

/** BM25 of each file, its candidate units taken as one text; by path. */
export function fileScores(
  idfs: readonly number[],
  found: readonly { path: string; counts: TermCounts }[],
): Map<string, number> {
  const files = new Map<string, { counts: Float64Array; length: number }>();
  for (const { path, counts } of found) {
    const file = files.get(path) ?? { counts: new Float64Array(idfs.length), length: 0 };
    counts.counts.forEach((count, term) => {
      file.counts[term] = Math.min(fileRepetitionsMax, (file.counts[term] ?? 0) + count);
    });
    file.length += counts.length;
    files.set(path, file);
  }
  const mean = [...files.values()].reduce((sum, file) => sum + file.length, 0) / Math.max(1, files.size);
  return new Map([...files].map(([path, file]) => [path, bm25(idfs, file, mean, fileLengthShare)]));
}
