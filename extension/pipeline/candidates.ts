import { Failure } from "../protocol/failure.ts";
import type { Unit } from "../protocol/units.ts";
import { rankReferences, type Received } from "./pageRank.ts";
import type { CorpusStatistics, RankTools } from "./ports.ts";
import { parseQuestion, type Question } from "./question.ts";
import { isBelow, scoreStatic, type StaticScores } from "./staticScores.ts";
import { stemWord, wordForms } from "./stem.ts";
import type { WordBag } from "./wordBags.ts";

/** Units by word search: more than a prompt can hold, few enough to be split into words within the time goal. */
export const wordCandidatesMax = 256;
const namedCandidatesMax = 64;
const pathCandidatesMax = 96;
const referenceCandidatesMax = 24;
const staticCandidatesMax = 64;
/** Of one file, so that a large file cannot fill the list. */
const staticPerFileMax = 3;
/** The rarest words of a long question; common ones add time and noise. */
const termsMax = 16;
/** Word search results that personalise the PageRank. */
const seedsMax = 16;
const namedSeedWeight = 2;

export interface RankRequest {
  readonly question: string;
  /**
   * What the ranking is for. A `list` shows a person where to look, so it holds few units of one file. A `prompt` needs
   * the very functions, also when they all are of one file.
   */
  readonly purpose: "list" | "prompt";
  /** At most this many units come back, 1 or more. */
  readonly top: number;
  /** Only units below this folder, relative and without trailing slash; empty for all. */
  readonly root: string;
}

/** A word of the question with all forms that the index knows. */
export interface Term {
  /** As asked. */
  readonly word: string;
  readonly stem: string;
  /** Inverse document frequency of all forms together, as in BM25: above 0, higher is rarer. */
  readonly idf: number;
}

export interface Candidates {
  readonly question: Question;
  readonly terms: readonly Term[];
  readonly statistics: CorpusStatistics;
  /** Distinct; in no order that means anything. */
  readonly units: readonly Unit[];
  /** The words of each, in the units' order. */
  readonly wordBags: readonly WordBag[];
  readonly references: ReadonlyMap<string, Received>;
  /** Null where there is no encoder, no vectors, or no known word. */
  readonly staticScores: StaticScores | null;
}

/** Throws `Failure` questionEmpty for a blank question. */
export function checkedQuestion(text: string): Question {
  if (text.trim() === "") throw new Failure("questionEmpty");
  return parseQuestion(text);
}

/**
 * Everything that may answer the question: by words, by names, by paths, by meaning, and what the best of these refer
 * to. The units are fetched in one call.
 */
export function gatherCandidates(request: RankRequest, tools: RankTools): Candidates {
  const question = checkedQuestion(request.question);
  const { source } = tools;
  const statistics = source.statistics(request.root);
  const { terms, searched } = searchTerms(question, statistics.units, tools);
  tools.signal.throwIfAborted();

  const byWord = searched.length === 0 ? [] : source.searchWords(searched, wordCandidatesMax, request.root);
  const names = [...new Set([...question.identifiers.map((found) => found.name), ...question.compounds])];
  const byName = names.length === 0 ? [] : source.unitsNamed(names, namedCandidatesMax, request.root);
  const byPath =
    question.paths.length === 0 ? [] : source.unitsInPaths(question.paths, pathCandidatesMax, request.root);
  const byLine = question.lines.length === 0 ? [] : source.unitsAtLines(question.lines, request.root);
  const byFileName =
    question.words.length === 0 ? [] : source.unitsInPaths(fileNames(question), pathCandidatesMax, request.root);
  tools.signal.throwIfAborted();

  const staticScores = scoreStatic(tools.encoder, source.staticVectors(), question.text, request.root);
  const byMeaning = staticScores?.best(Math.max(staticCandidatesMax, request.top), staticPerFileMax) ?? [];
  const references = rankReferences(source.graph(), seedWeights(byWord, byName), referenceCandidatesMax);
  const byReference = references.map((received) => received.id).filter((id) => isBelow(id, request.root));

  const ids = [...new Set([...byLine, ...byName, ...byPath, ...byWord, ...byFileName, ...byMeaning, ...byReference])];
  const units = source.units(ids);
  tools.signal.throwIfAborted();
  return {
    question,
    terms,
    statistics,
    units,
    wordBags: source.wordBags(units),
    references: new Map(references.map((received) => [received.id, received])),
    staticScores,
  };
}

/** BM25's inverse document frequency, always above 0. */
export function inverseFrequency(units: number, unitsWithWord: number): number {
  const found = Math.min(units, unitsWithWord);
  return Math.log(1 + (units - found + 0.5) / (found + 0.5));
}

/** One term per stem, the rarest `termsMax`, and the forms of theirs that occur in the index. */
function searchTerms(question: Question, units: number, tools: RankTools): { terms: Term[]; searched: string[] } {
  const formsByStem = new Map<string, { word: string; forms: Set<string> }>();
  for (const word of question.words) {
    const stem = stemWord(word);
    const entry = formsByStem.get(stem) ?? { word, forms: new Set<string>() };
    for (const form of wordForms(word)) entry.forms.add(form);
    formsByStem.set(stem, entry);
  }
  const every = [...formsByStem.values()].flatMap(({ forms }) => [...forms]);
  const frequencies = tools.source.documentFrequency(every);
  const found = [...formsByStem].map(([stem, { word, forms }]) => {
    const present = [...forms].filter((form) => (frequencies.get(form) ?? 0) > 0);
    const unitsWithWord = present.reduce((sum, form) => sum + (frequencies.get(form) ?? 0), 0);
    return { stem, word, present, idf: inverseFrequency(units, unitsWithWord) };
  });
  const kept = found.filter(({ present }) => present.length > 0);
  if (kept.length > termsMax) kept.sort((a, b) => b.idf - a.idf).splice(termsMax);
  return {
    terms: kept.map(({ stem, word, idf }) => ({ stem, word, idf })),
    searched: kept.flatMap(({ present }) => present),
  };
}

/** Words as file names: `router`, and `retry_policy` for neighbouring words. */
function fileNames(question: Question): string[] {
  return [...new Set([...question.words.filter((word) => word.length > 2).flatMap(shortForms), ...question.compounds])];
}

function shortForms(word: string): string[] {
  return wordForms(word).slice(0, 12);
}

function seedWeights(byWord: readonly string[], byName: readonly string[]): Map<string, number> {
  const seeds = new Map<string, number>();
  byWord.slice(0, seedsMax).forEach((id, place) => seeds.set(id, 1 / (place + 4)));
  byName.slice(0, seedsMax).forEach((id, place) => seeds.set(id, (seeds.get(id) ?? 0) + namedSeedWeight / (place + 4)));
  return seeds;
}
