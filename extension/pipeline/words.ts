/** Words longer than this are data (hashes, base64), not language. */
const wordCharactersMax = 40;
/** Joined identifiers of more parts than this are long enough to be found by their parts. */
const joinedPartsMax = 5;

/**
 * Splits code or prose into lower-case words, in order, repetitions kept. Index and question sides both use it, so a
 * word found by one is found by the other.
 *
 * Identifiers fall apart at case, underscore and digits (`HTTPServer2` → `http server 2`); whatever is neither letter
 * nor digit separates. An identifier of several parts is followed by itself, joined (`fileName` → `file name filename`),
 * because people and code disagree about where a compound ends: "filename" in a question finds `fileName`, and an
 * identifier typed whole is rarer than its parts and ranks accordingly. Hyphens do not join: `a-b` is a subtraction in
 * most languages. Runs of Chinese or Japanese have no blanks and become overlapping pairs of characters.
 */
export function splitWords(text: string): string[] {
  const source = isAscii(text) ? text : text.normalize("NFKC");
  const lowered = source.toLowerCase();
  // A few capitals (İ) grow when lowered; then positions no longer match and parts are lowered one by one.
  const folded = lowered.length === source.length ? lowered : source;
  const words: string[] = [];
  const length = source.length;
  let identifierStart = -1;
  let partStart = -1;
  let partClass = separator;
  let parts = 0;
  let joiners = false;

  for (let i = 0; i <= length; i += 1) {
    const kind = i === length ? separator : classOf(source, i);
    if (kind === partClass && partStart >= 0) continue;
    if (kind === mark && partStart >= 0) continue;
    if (partStart >= 0) {
      let end = i;
      // The last capital of a run belongs to the word that follows: HTTPServer is HTTP + Server.
      if (partClass === upper && kind === lower) end = i - 1;
      if (end > partStart) {
        addPart(folded, partStart, end, partClass, words);
        parts += 1;
        partStart = end;
      }
      partClass = kind;
    }
    if (kind === separator || kind === mark) {
      if (parts > 1 && parts <= joinedPartsMax) addJoined(folded, identifierStart, i, joiners, words);
      identifierStart = -1;
      partStart = -1;
      parts = 0;
      joiners = false;
    } else if (kind === joiner) {
      joiners = identifierStart >= 0;
      partStart = -1;
    } else if (partStart < 0) {
      if (identifierStart < 0) identifierStart = i;
      partStart = i;
      partClass = kind;
    }
  }
  return words;
}

function addPart(folded: string, start: number, end: number, kind: number, words: string[]): void {
  if (kind === ideograph) addPairs(folded.slice(start, end), words);
  else if (end - start <= wordCharactersMax) words.push(folded.slice(start, end).toLowerCase());
}

function addJoined(folded: string, start: number, end: number, joiners: boolean, words: string[]): void {
  const joined = joiners ? folded.slice(start, end).replace(/[_$]+/g, "") : folded.slice(start, end);
  if (joined.length <= wordCharactersMax && !ideographs.test(joined)) words.push(joined.toLowerCase());
}

const separator = 0;
const lower = 1;
const upper = 2;
const digit = 3;
/** Ends a part, not the identifier. */
const joiner = 4;
/** A character of a script without blanks between words. */
const ideograph = 5;
/** A combining mark: belongs to the letter before it. */
const mark = 6;

const asciiClasses = new Uint8Array(128);
for (let code = 0; code < 128; code += 1) {
  const character = String.fromCharCode(code);
  if (/[a-z]/.test(character)) asciiClasses[code] = lower;
  else if (/[A-Z]/.test(character)) asciiClasses[code] = upper;
  else if (/[0-9]/.test(character)) asciiClasses[code] = digit;
  else if (character === "_" || character === "$") asciiClasses[code] = joiner;
}

const ideographs = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

/** Classes of the characters beyond ASCII seen so far: the regular expressions below are slow. */
const otherClasses = new Map<number, number>();

function classOf(text: string, index: number): number {
  const code = text.charCodeAt(index);
  if (code < 128) return asciiClasses[code] ?? separator;
  const known = otherClasses.get(code);
  if (known !== undefined) return known;
  const found = classOfOther(String.fromCharCode(code));
  otherClasses.set(code, found);
  return found;
}

/** Halves of surrogate pairs count as letters without case: nearly all of them in words are letters of rare scripts. */
function classOfOther(character: string): number {
  if (ideographs.test(character)) return ideograph;
  if (/\p{Lu}|\p{Lt}/u.test(character)) return upper;
  if (/\p{L}|\p{Cs}/u.test(character)) return lower;
  if (/\p{N}/u.test(character)) return digit;
  if (/\p{M}/u.test(character)) return mark;
  return separator;
}

function addPairs(run: string, words: string[]): void {
  if (run.length === 1) words.push(run);
  for (let i = 0; i + 1 < run.length; i += 1) words.push(run.slice(i, i + 2));
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 127) return false;
  return true;
}
