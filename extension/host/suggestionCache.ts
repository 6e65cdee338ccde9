import { PrefixTrie } from "../base/prefixTrie.ts";
import type { Completion } from "../protocol/complete.ts";

/** Where a suggestion was or is to be made. */
export interface CursorText {
  /** The same for the same open document. */
  readonly document: string;
  /** Line at which `before` starts. */
  readonly startLine: number;
  readonly before: string;
  readonly after: string;
}

export interface CachedSuggestion {
  /** What is to be inserted at the cursor. */
  readonly text: string;
  /** How many characters after the cursor `text` takes the place of: brackets that the editor closed by itself. */
  readonly replaces: number;
  /** How much of what was suggested has been typed since. */
  readonly typed: number;
  readonly completion: Completion;
}

/** Suggestions that are kept. */
export const suggestionsMax = 250;
/** So much of what follows the cursor must still be the same. */
const afterKept = 200;
/** What an editor adds behind the cursor while one types: closing brackets and quotes, and the line of its own for one. */
const closersMax = 64;
const closers = /^[\s)\]}>"'`]+$/;

/**
 * Suggestions by the text in front of the cursor. Who types what was suggested finds the rest of it, without the engine;
 * so does who deletes it again.
 */
export class SuggestionCache {
  readonly #trie = new PrefixTrie<{ readonly after: string; readonly completion: Completion }>(suggestionsMax);

  get size(): number {
    return this.#trie.size;
  }

  add(at: CursorText, completion: Completion): void {
    this.#trie.set(keyOf(at), { after: at.after.slice(0, afterKept), completion });
  }

  find(at: CursorText): CachedSuggestion | null {
    return this.#trie.find(keyOf(at), ({ after, completion }, typed) => {
      if (!completion.text.startsWith(typed) || completion.text.length === typed.length) return null;
      const fitted = fit(completion.text.slice(typed.length), { after, now: at.after, mayBeClosed: typed !== "" });
      return fitted === null ? null : { ...fitted, typed: typed.length, completion };
    });
  }

  clear(): void {
    this.#trie.clear();
  }
}

function keyOf({ document, startLine, before }: CursorText): string {
  return `${document}\n${startLine}\n${before}`;
}

/** What is left of a suggestion, made to fit what follows the cursor now; null where that is something else. */
function fit(
  text: string,
  { after, now, mayBeClosed }: { readonly after: string; readonly now: string; readonly mayBeClosed: boolean },
): { readonly text: string; readonly replaces: number } | null {
  if (now.slice(0, afterKept) === after) return { text, replaces: 0 };
  if (!mayBeClosed) return null;
  for (let length = 1; length <= Math.min(closersMax, now.length); length += 1) {
    const added = now.slice(0, length);
    if (!closers.test(added)) return null;
    if (now.slice(length, length + afterKept) !== after) continue;
    if (text.endsWith(added)) return text === added ? null : { text: text.slice(0, -length), replaces: 0 };
    return added.includes("\n") || !isWithin(added, text) ? null : { text, replaces: length };
  }
  return null;
}

/** Whether the characters come in the text, in that order: an editor shows nothing that would delete some. */
function isWithin(characters: string, text: string): boolean {
  let at = -1;
  for (const character of characters) {
    at = text.indexOf(character, at + 1);
    if (at < 0) return false;
  }
  return true;
}
