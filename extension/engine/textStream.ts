/** Turns the bytes of generated tokens into text that can be shown at once and never has to be taken back. */
export class TextStream {
  // Without `ignoreBOM` a byte-order mark at the beginning would vanish.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #stopStrings: readonly string[];
  #held = "";
  #stopped = false;

  /** Empty stop strings are ignored. */
  constructor(stopStrings: readonly string[]) {
    this.#stopStrings = stopStrings.filter((stop) => stop !== "");
  }

  /** True once a stop string was met; nothing more comes out then. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Takes a token's bytes, which may begin or end inside a character, and gives the text that is certain: whole
   * characters that are not, and cannot become, part of a stop string.
   */
  push(bytes: Uint8Array): string {
    if (this.#stopped) return "";
    const text = this.#held + this.#decoder.decode(bytes, { stream: true });
    const stop = firstOccurrence(text, this.#stopStrings);
    if (stop !== -1) {
      this.#stopped = true;
      this.#held = "";
      return text.slice(0, stop);
    }
    const heldLength = longestPossibleStart(text, this.#stopStrings);
    this.#held = text.slice(text.length - heldLength);
    return text.slice(0, text.length - heldLength);
  }

  /** The text that was held back, for a generation that ended by itself. An unfinished character is dropped. */
  end(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }
}

function firstOccurrence(text: string, stopStrings: readonly string[]): number {
  let first = -1;
  for (const stop of stopStrings) {
    const at = text.indexOf(stop);
    if (at !== -1 && (first === -1 || at < first)) first = at;
  }
  return first;
}

/** Length of the longest end of `text` that a stop string begins with. */
function longestPossibleStart(text: string, stopStrings: readonly string[]): number {
  let longest = 0;
  for (const stop of stopStrings) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
