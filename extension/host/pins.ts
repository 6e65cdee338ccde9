import { Listeners } from "../base/listeners.ts";
import type { PinnedPlace, UnitName } from "../protocol/engine.ts";
import { choicesMax, noChoices, parseChoices } from "../protocol/personChoices.ts";
import type { PersonChoices } from "../protocol/personChoices.ts";
import type { LineRange } from "../protocol/units.ts";

/** What is kept of a workspace between windows. VS Code's workspace state is one. */
export interface ChoiceStore {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

export interface PinsOptions {
  readonly store: ChoiceStore;
  /** The folder that questions are about; null where none is open. Each has choices of its own. */
  readonly folder: () => string | null;
}

/** A unit of the index, or enough of it. */
type UnitPlace = UnitName & LineRange;

/**
 * Code that a person pinned and units that the person took out, of the folder that questions are about. A unit is never
 * both: what was said last counts. Every change is stored at once.
 */
export class Pins {
  readonly #options: PinsOptions;
  readonly #listeners = new Listeners<PersonChoices>();
  #parsed: { readonly stored: unknown; readonly choices: PersonChoices } | null = null;

  constructor(options: PinsOptions) {
    this.#options = options;
  }

  /** In the order in which they were pinned. */
  get pinned(): readonly PinnedPlace[] {
    return this.choices.pinned;
  }

  get dropped(): readonly UnitName[] {
    return this.choices.dropped;
  }

  get choices(): PersonChoices {
    const key = this.#key;
    if (key === null) return noChoices;
    const stored = this.#options.store.get(key);
    // Every row of a tree asks.
    if (this.#parsed?.stored !== stored) this.#parsed = { stored, choices: parseChoices(stored) };
    return this.#parsed?.choices ?? noChoices;
  }

  onChanged(listener: (choices: PersonChoices) => void): { dispose(): void } {
    return this.#listeners.add(listener);
  }

  /** False where there are as many pins as there may be, or no folder is open. */
  pin(place: PinnedPlace): boolean {
    const { pinned, dropped } = this.choices;
    const others = pinned.filter((other) => !isSamePlace(other, place));
    if (others.length >= choicesMax.pinned) return false;
    const isMeant = ({ path, qualifiedName }: UnitName): boolean =>
      path === place.path && qualifiedName === place.qualifiedName;
    return this.#store({ pinned: [...others, place], dropped: dropped.filter((name) => !isMeant(name)) });
  }

  unpin(place: PinnedPlace): void {
    const { pinned, dropped } = this.choices;
    this.#store({ pinned: pinned.filter((other) => !isSamePlace(other, place)), dropped });
  }

  /** Takes a unit out, and with it the pins that are on it alone. False where no more can be, or no folder is open. */
  drop({ path, qualifiedName }: UnitName): boolean {
    const { pinned, dropped } = this.choices;
    const name = { path, qualifiedName };
    const others = dropped.filter((other) => !isSameName(other, name));
    if (others.length >= choicesMax.dropped) return false;
    const isOfUnit = (place: PinnedPlace): boolean => place.path === path && place.qualifiedName === qualifiedName;
    return this.#store({ pinned: pinned.filter((place) => !isOfUnit(place)), dropped: [...others, name] });
  }

  takeBack(name: UnitName): void {
    const { pinned, dropped } = this.choices;
    this.#store({ pinned, dropped: dropped.filter((other) => !isSameName(other, name)) });
  }

  clear(): void {
    this.#store(noChoices);
  }

  dispose(): void {
    this.#listeners.clear();
  }

  /** Null where no folder is open. */
  get #key(): string | null {
    const folder = this.#options.folder();
    return folder === null ? null : `precis.choices:${folder}`;
  }

  #store(choices: PersonChoices): boolean {
    const key = this.#key;
    if (key === null) return false;
    void this.#options.store.update(key, choices);
    this.#listeners.call(choices);
    return true;
  }
}

/** The pins that put a unit into the prompt: those on its name, on its file, and on some of its lines. */
export function pinsOf(
  { path, qualifiedName, startLine, endLine }: UnitPlace,
  pinned: readonly PinnedPlace[],
): PinnedPlace[] {
  return pinned.filter((place) => {
    if (place.path !== path) return false;
    if (place.qualifiedName !== undefined) return place.qualifiedName === qualifiedName;
    return place.startLine === 0 || (place.startLine <= endLine && place.endLine >= startLine);
  });
}

export function isSameName(a: UnitName, b: UnitName): boolean {
  return a.path === b.path && a.qualifiedName === b.qualifiedName;
}

function isSamePlace(a: PinnedPlace, b: PinnedPlace): boolean {
  if (a.path !== b.path) return false;
  if (a.qualifiedName !== undefined || b.qualifiedName !== undefined) return a.qualifiedName === b.qualifiedName;
  return a.startLine === b.startLine && a.endLine === b.endLine;
}
