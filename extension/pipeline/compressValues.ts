/** What units and their lines are worth to a question, for the knapsack. Pure arithmetic on words, names and scores. */
import { sentence } from "../protocol/sentence.ts";
import type { RankedUnit, Unit } from "../protocol/units.ts";
import { parseQuestion } from "./question.ts";
import { stemWord } from "./stem.ts";
import { splitWords } from "./words.ts";

/** One unit that may be shown. */
export interface Candidate {
  readonly ranked: RankedUnit;
  /** 0…1: how likely it is wanted, compared with the best. */
  readonly weight: number;
  /** What each line of its text is worth, adding up to 1. */
  readonly lineValues: Float64Array;
  /** Not ranked, but mentioned by what is: worth its declaration and no more. */
  readonly declarationOnly: boolean;
}

export const valueWeights = {
  /** A unit loses this share of its weight with every `fall` standard deviations of score below the best. */
  fallDeviations: 0.8,
  /** And with its place: the hundredth unit of a flat ranking is less likely wanted than the tenth. */
  placeExponent: 0.25,
  /** Lines: any code, a comment, a line that leaves the unit, a line with a word of the question (times its rarity). */
  code: 0.15,
  comment: 0.05,
  leaves: 0.5,
  word: 1,
  /** Share of a unit's lines' value that goes by a model's readings, where there are any. */
  gain: 0.5,
  /** Share of a line's value that goes to the line that defines a name it uses. */
  definition: 0.3,
  /** Share of a unit's weight that its references share among what they mention. */
  mention: 0.2,
  /** A unit that repeats another one's words is worth so much less at most. */
  redundancy: 0.8,
} as const;
/** Units that mention others on whose behalf declarations come along. */
const mentioningMax = 12;
/** Units that later ones are compared with for redundancy. */
const comparedMax = 40;
/** Two functions of one file share this much of their words without repeating each other. */
const commonWords = 0.5;

/** What `candidatesOf` looks at. */
export interface ValueRequest {
  readonly question: string;
  /** Best first. */
  readonly ranked: readonly RankedUnit[];
  /** Definitions that ranked units mention and that are not ranked themselves. */
  readonly related: readonly Unit[];
  /** Nats by which the question makes lines likelier, by unit id; empty without a model. */
  readonly lineGains: ReadonlyMap<string, Float64Array>;
}

/** The ranked units in their order, then the related ones. */
export function candidatesOf({ question, ranked, related, lineGains }: ValueRequest): Candidate[] {
  const words = ranked.map(({ unit }) => unitWords(unit));
  const rarity = rarities(question, words);
  const weights = scoreWeights(ranked.map(({ score }) => score));
  const repeated = redundancies(words);
  const own = ranked.map((entry, at) => ({
    ranked: entry,
    weight: (weights[at] ?? 0) * (1 - valueWeights.redundancy * (repeated[at] ?? 0)),
    lineValues: withGains(lineValues(entry.unit, words[at]?.lines ?? [], rarity), lineGains.get(entry.unit.id)),
    declarationOnly: false,
  }));
  const others = related.map((unit) => ({
    ranked: { unit, score: ranked.at(-1)?.score ?? 0, reasons: [sentence("mentioned by what is shown")] },
    weight: 0,
    lineValues: lineValues(unit, unitWords(unit).lines, rarity),
    declarationOnly: true,
  }));
  return withMentioned([...own, ...others]);
}

interface UnitWords {
  /** Distinct stems of each line. */
  readonly lines: readonly ReadonlySet<string>[];
  readonly all: ReadonlySet<string>;
}

function unitWords(unit: Unit): UnitWords {
  const lines = unit.text.split("\n").map((text) => new Set(splitWords(text).map(stemWord)));
  return { lines, all: new Set(lines.flatMap((line) => [...line])) };
}

/** How rare each word of the question is among the units: 0 for one that all of them have. */
function rarities(question: string, units: readonly UnitWords[]): ReadonlyMap<string, number> {
  const stems = [...new Set(parseQuestion(question).words.map(stemWord))];
  return new Map(
    stems.map((stem) => {
      const having = units.filter(({ all }) => all.has(stem)).length;
      return [stem, Math.log((units.length + 1) / (having + 1)) / Math.log(units.length + 2)];
    }),
  );
}

function scoreWeights(scores: readonly number[]): number[] {
  const best = scores[0] ?? 0;
  const mean = scores.reduce((sum, score) => sum + score, 0) / Math.max(1, scores.length);
  const spread = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / Math.max(1, scores.length));
  return scores.map((score, place) => {
    const below = spread === 0 ? 0 : (best - score) / spread;
    return Math.exp(-below * valueWeights.fallDeviations) / (place + 1) ** valueWeights.placeExponent;
  });
}

/** For each unit, 0…1: how much of it a better one says in the same words. */
function redundancies(units: readonly UnitWords[]): number[] {
  return units.map(({ all }, at) => {
    let highest = 0;
    for (const other of units.slice(0, Math.min(at, comparedMax))) {
      if (Math.min(all.size, other.all.size) < commonWords * Math.max(all.size, other.all.size)) continue;
      let shared = 0;
      for (const word of all) if (other.all.has(word)) shared += 1;
      highest = Math.max(highest, shared / Math.max(1, all.size + other.all.size - shared));
    }
    return Math.max(0, highest - commonWords) / (1 - commonWords);
  });
}

const leavesUnit = /^\s*(?:return|raise|throw|throws|yield|panic!?|bail!|Err\(|Ok\()\b/;
const isCommentLine = /^\s*(?:\/\/|\/\*|\*|#(?!\[|\s*(?:if|else|elif|endif|define|include))|--|"""|''')/;
/** A name on the left of an assignment, or behind a word that declares it. */
const definesName =
  /^\s*(?:(?:const|let|var|val|final|auto|local|static|mut|my)\s+)*(?:[\w<>[\],:*&]+\s+)?\(?([A-Za-z_]\w*)\)?\s*(?::[^=]*)?(?::?=)(?!=)/;

function lineValues(
  unit: Unit,
  words: readonly ReadonlySet<string>[],
  rarity: ReadonlyMap<string, number>,
): Float64Array {
  const texts = unit.text.split("\n");
  const values = Float64Array.from(texts, (text, at) => {
    if (text.trim() === "") return 0;
    let value: number = isCommentLine.test(text) ? valueWeights.comment : valueWeights.code;
    if (leavesUnit.test(text)) value += valueWeights.leaves;
    for (const word of words[at] ?? []) value += valueWeights.word * (rarity.get(word) ?? 0);
    return value;
  });
  passToDefinitions(texts, values);
  const sum = values.reduce((total, value) => total + value, 0);
  return sum === 0 ? values : values.map((value) => value / sum);
}

/** A share of the value goes by the model's gains. */
function withGains(values: Float64Array, gains: Float64Array | undefined): Float64Array {
  const sum = gains?.reduce((total, gain) => total + Math.max(0, gain), 0) ?? 0;
  if (gains === undefined || sum === 0) return values;
  const { gain } = valueWeights;
  return values.map((value, at) => (1 - gain) * value + (gain * Math.max(0, gains[at] ?? 0)) / sum);
}

/** From the last line to the first: what a line uses is worth something where it is defined. */
function passToDefinitions(texts: readonly string[], values: Float64Array): void {
  const definedAt = new Map<string, number>();
  texts.forEach((text, at) => {
    const name = definesName.exec(text)?.[1];
    if (name !== undefined && !definedAt.has(name)) definedAt.set(name, at);
  });
  if (definedAt.size === 0) return;
  for (let at = texts.length - 1; at >= 0; at -= 1) {
    const used = new Set((texts[at] ?? "").match(/[A-Za-z_]\w*/g) ?? []);
    for (const name of used) {
      const definition = definedAt.get(name);
      if (definition === undefined || definition >= at) continue;
      values[definition] = (values[definition] ?? 0) + (valueWeights.definition * (values[at] ?? 0)) / used.size;
    }
  }
}

/** Adds to each unit what those that mention it by name pass on. A name that several units define is nobody's. */
function withMentioned(candidates: readonly Candidate[]): Candidate[] {
  const byName = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const { name, kind } = candidate.ranked.unit;
    if (kind === "header" || kind === "file") continue;
    const named = byName.get(name);
    if (named === undefined) byName.set(name, [candidate]);
    else named.push(candidate);
  }
  const gained = new Map<Candidate, number>();
  for (const source of candidates.slice(0, mentioningMax)) {
    const { unit } = source.ranked;
    const names = new Set(
      unit.references.filter(({ role }) => role === "call" || role === "type").map(({ name }) => name),
    );
    const mentioned = [...names].flatMap((name) => onlyOne(byName.get(name), unit) ?? []);
    for (const target of mentioned) {
      if (target === source) continue;
      const share = (valueWeights.mention * source.weight) / Math.sqrt(mentioned.length);
      gained.set(target, Math.max(gained.get(target) ?? 0, share));
    }
  }
  return candidates.map((candidate) => ({
    ...candidate,
    weight: Math.max(candidate.weight, Math.min(1, candidate.weight + (gained.get(candidate) ?? 0))),
  }));
}

function onlyOne(named: readonly Candidate[] | undefined, from: Unit): Candidate | null {
  if (named === undefined) return null;
  if (named.length === 1) return named[0] ?? null;
  const near = named.filter(({ ranked }) => ranked.unit.path === from.path);
  return near.length === 1 ? (near[0] ?? null) : null;
}
