import type { Unit } from "../protocol/units.ts";
import { bm25, fileScores, lengthShare, meanWeightedLength, TermCounter } from "./bm25.ts";
import type { Candidates, Term } from "./candidates.ts";
import { pathKind, type PathKind } from "./pathKinds.ts";
import type { Identifier, Question } from "./question.ts";
import { stemWord } from "./stem.ts";
import { splitWords } from "./words.ts";

/**
 * Weights beside the unit's own BM25, which is scaled to 1 for the best unit. Set by judgement, not tuned. On questions
 * about 17 repositories they give a mean NDCG@10 of 0.75 over units where plain BM25 gives 0.61.
 */
const weights = {
  /** BM25 of the whole file, scaled to 1 for the best file. */
  file: 0.5,
  /** Share of the question, by rarity, that the file's name says; folders count less. */
  fileName: 0.6,
  folderName: 0.24,
  /** The unit defines a name of the question; more when the question is nothing else. */
  definition: 0.4,
  definitionOfSymbol: 1,
  /** The qualifying part fits too: `Router.handle` and not any `handle`. */
  qualified: 0.3,
  /** A name spelled as two or three words of prose. */
  compound: 0.3,
  /** A capitalised word of prose is a name, perhaps. */
  uncertain: 0.5,
  /** The question names the file. */
  path: 1,
  references: 0.15,
} as const;
/** A type stands for more than a function of the same name. */
const typeFactor = 1.3;
/** Tests, examples, docs, vendored and generated files, unless the question is about them. */
const demotion = 0.5;
const reasonWordsMax = 4;
const reasonsMax = 4;

export interface LexicalScore {
  /** 0 or more. */
  readonly score: number;
  readonly reasons: readonly string[];
  /** How exactly the unit is what the question names: 0 not, up to 2 for a symbol question's definition. */
  readonly exactness: number;
  /** The file is of a kind that the question does not ask for. */
  readonly demoted: boolean;
}

/** Scores every candidate, in the candidates' order. */
export function scoreLexical(candidates: Candidates): LexicalScore[] {
  const { question, terms, units, references } = candidates;
  const idfs = terms.map((term) => term.idf);
  const termByStem = new Map(terms.map((term, number) => [term.stem, number]));
  const counter = new TermCounter(terms.length, (word) => termByStem.get(stemWord(word)) ?? -1);
  const found = units.map((unit) => ({ path: unit.path, counts: counter.weighted(unit) }));
  const mean = meanWeightedLength(candidates.statistics);
  const ownScores = found.map(({ counts }) => bm25(idfs, counts, mean, lengthShare));
  const byFile = fileScores(idfs, found);
  const ownHighest = Math.max(Number.MIN_VALUE, ...ownScores);
  const fileHighest = Math.max(Number.MIN_VALUE, ...byFile.values());
  const names = new NameMatches(terms);
  const unitById = new Map(units.map((unit) => [unit.id, unit]));

  return units.map((unit, place) => {
    const parts: Part[] = [];
    const mentioned = terms.filter((_, term) => (found[place]?.counts.counts[term] ?? 0) > 0);
    parts.push({ value: (ownScores[place] ?? 0) / ownHighest, reason: mentionReason(mentioned) });
    parts.push({ value: (weights.file * (byFile.get(unit.path) ?? 0)) / fileHighest, reason: "" });
    parts.push(...names.of(unit.path));
    const definition = definitionPart(unit, question);
    parts.push(definition, pathPart(unit.path, question));
    const received = references.get(unit.id);
    if (received !== undefined) {
      const from = unitById.get(received.from);
      const reason = from === undefined ? "" : `used by \`${from.qualifiedName}\``;
      parts.push({ value: weights.references * received.value, reason });
    }
    const kind = pathKind(unit.path);
    const demoted = kind !== null && !question.wants.has(kind);
    const sum = parts.reduce((total, part) => total + part.value, 0);
    const reasons = parts.filter((part) => part.value > 0 && part.reason !== "").sort((a, b) => b.value - a.value);
    return {
      score: demoted ? sum * demotion : sum,
      reasons: [...reasons.slice(0, reasonsMax).map((part) => part.reason), ...(demoted ? [demotionReason(kind)] : [])],
      exactness: definition.exactness,
      demoted,
    };
  });
}

interface Part {
  readonly value: number;
  /** Empty where there is nothing to say. */
  readonly reason: string;
}

function mentionReason(mentioned: readonly Term[]): string {
  const words = mentioned.map((term) => term.word);
  // `renderunit` says nothing beside `render` and `unit`.
  const isJoined = (word: string) =>
    words.some((part) => part !== word && word.startsWith(part)) &&
    words.some((part) => part !== word && word.endsWith(part));
  const rarest = [...mentioned].sort((a, b) => b.idf - a.idf).filter((term) => !isJoined(term.word));
  return rarest.length === 0
    ? ""
    : `mentions ${rarest
        .slice(0, reasonWordsMax)
        .map((term) => term.word)
        .join(", ")}`;
}

function demotionReason(kind: PathKind): string {
  const places = { tests: "a test", examples: "an example", docs: "documentation" } as const;
  return `ranked lower: ${kind === "vendored" || kind === "generated" ? `${kind} code` : places[kind]}`;
}

/** How much of the question a file's name and folder say; computed once per path. */
class NameMatches {
  readonly #terms: readonly Term[];
  readonly #total: number;
  readonly #known = new Map<string, readonly Part[]>();

  constructor(terms: readonly Term[]) {
    this.#terms = terms;
    this.#total = terms.reduce((sum, term) => sum + term.idf, 0);
  }

  of(path: string): readonly Part[] {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const folders = path.split("/");
    const file = folders.pop() ?? "";
    const parts = [
      this.#match(file.replace(/\.\w+$/, ""), weights.fileName, "file name"),
      this.#match(folders.at(-1) ?? "", weights.folderName, "folder name"),
    ];
    this.#known.set(path, parts);
    return parts;
  }

  #match(name: string, weight: number, what: string): Part {
    const stems = new Set(splitWords(name).map(stemWord));
    const matched = this.#terms.filter((term) => stems.has(term.stem));
    const share = matched.reduce((sum, term) => sum + term.idf, 0) / Math.max(Number.MIN_VALUE, this.#total);
    return { value: weight * share, reason: `${what} matches \`${matched.map((term) => term.word).join(" ")}\`` };
  }
}

function definitionPart(unit: Unit, question: Question): Part & { readonly exactness: number } {
  const nothing = { value: 0, reason: "", exactness: 0 };
  if (unit.kind === "header" || unit.kind === "file") return nothing;
  const name = unit.name.toLowerCase();
  const isType = unit.kind === "class" || unit.kind === "interface" || unit.kind === "type" || unit.kind === "enum";
  const factor = isType ? typeFactor : 1;
  let best: Part & { readonly exactness: number } = nothing;
  for (const identifier of question.identifiers) {
    if (identifier.name.toLowerCase() !== name) continue;
    const fits = qualifiedFits(unit, identifier);
    const base = question.isSymbol ? weights.definitionOfSymbol : weights.definition;
    const certainty = identifier.certain ? 1 : weights.uncertain;
    const value = (base + (fits ? weights.qualified : 0)) * factor * certainty;
    const exactness = (question.isSymbol ? 1.5 : identifier.certain ? 1 : 0) + (fits ? 0.5 : 0);
    if (value > best.value) best = { value, reason: `defines \`${unit.qualifiedName}\``, exactness };
  }
  if (best.value === 0 && question.compounds.includes(name)) {
    return { value: weights.compound * factor, reason: `defines \`${unit.qualifiedName}\``, exactness: 0 };
  }
  return best;
}

/** `a.Router.handle` and `Router.handle` fit the unit `Router.handle`; a plain name has nothing to fit. */
function qualifiedFits(unit: Unit, identifier: Identifier): boolean {
  if (identifier.qualified === identifier.name) return false;
  const asked = `.${identifier.qualified.toLowerCase()}`;
  const has = `.${unit.qualifiedName.toLowerCase()}`;
  return has.endsWith(asked) || (asked.endsWith(has) && has.indexOf(".", 1) > 0);
}

function pathPart(path: string, question: Question): Part {
  const lower = path.toLowerCase();
  for (const asked of question.paths) {
    const withoutExtension = lower.replace(/\.\w+$/, "");
    if ([lower, withoutExtension].some((candidate) => candidate === asked || candidate.endsWith(`/${asked}`))) {
      return { value: weights.path, reason: `the question names \`${asked}\`` };
    }
  }
  return { value: 0, reason: "" };
}
