/**
 * What of a text its structure hangs on: signatures, imports, calls, conditions and returns. CodeComp (arXiv 2604.10235)
 * keeps the cells of these tokens whatever attention says.
 */
import type { Grammar } from "./ports.ts";
import { scanLines } from "./pruneScan.ts";

/** How much each kind matters where not all fit. */
export const pinKinds = { call: 1, branch: 2, import: 3, signature: 4 } as const;
export type PinKind = keyof typeof pinKinds;

/** In UTF-16 code units of the text; the end is exclusive. */
export interface PinRange {
  readonly kind: PinKind;
  readonly start: number;
  readonly end: number;
}

/** Without a grammar only conditions and returns are found. A text that does not parse gives what can be told. */
export function structuralPins(text: string, language: string, grammar: Grammar | null): PinRange[] {
  const pins = branchPins(text, language);
  for (const { captures } of grammar?.parse(text).matches ?? []) {
    const definition = captures.find(({ name }) => name.startsWith("definition."))?.node;
    const body = captures.find(({ name }) => name === "body")?.node;
    if (definition !== undefined) {
      const end = body === undefined ? lineEnd(text, definition.startIndex) : body.startIndex;
      pins.push({ kind: "signature", start: definition.startIndex, end: Math.min(end, definition.endIndex) });
    }
    for (const { name, node } of captures) {
      if (name === "import") pins.push({ kind: "import", start: node.startIndex, end: node.endIndex });
      if (name === "reference.call") pins.push({ kind: "call", start: node.startIndex, end: node.endIndex });
    }
  }
  return pins;
}

/**
 * One number per token: the largest of `pinKinds` whose range it touches, or 0. `tokenBytes`: the tokens' lengths as
 * UTF-8, which add up to the text; `before`: bytes of tokens that precede the text.
 */
export function pinnedTokens(
  pins: readonly PinRange[],
  { text, tokenBytes, before = 0 }: { text: string; tokenBytes: ArrayLike<number>; before?: number },
): Uint8Array {
  const byteAt = byteOffsets(text);
  const ranges = pins
    .filter(({ start, end }) => end > start)
    .map(({ kind, start, end }) => ({
      pin: pinKinds[kind],
      start: before + (byteAt[start] ?? 0),
      end: before + (byteAt[end] ?? 0),
    }));
  const bytes = new Uint8Array(before + (byteAt[text.length] ?? 0));
  for (const { pin, start, end } of ranges) {
    for (let at = start; at < end; at += 1) bytes[at] = Math.max(bytes[at] ?? 0, pin);
  }
  const tokens = new Uint8Array(tokenBytes.length);
  let at = 0;
  for (let token = 0; token < tokens.length; token += 1) {
    const end = at + (tokenBytes[token] ?? 0);
    for (; at < end; at += 1) tokens[token] = Math.max(tokens[token] ?? 0, bytes[at] ?? 0);
  }
  return tokens;
}

const branch =
  /^[ \t}]*(?:else\s+)?(?:if|elif|elsif|elseif|unless|while|until|for|foreach|switch|match|case|when|catch|except|rescue|return|throw|raise|yield|guard)\b/;

/** Lines that begin with a condition or leave the function, from the keyword to the line's end. */
function branchPins(text: string, language: string): PinRange[] {
  const pins: PinRange[] = [];
  const lines = text.split("\n");
  const scanned = scanLines(lines, language);
  let start = 0;
  for (const [at, line] of lines.entries()) {
    const { code = "", inside = false } = scanned[at] ?? {};
    if (!inside && branch.test(code)) {
      const indent = code.length - code.trimStart().length;
      pins.push({ kind: "branch", start: start + indent, end: start + code.length });
    }
    start += line.length + 1;
  }
  return pins;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

/** For each UTF-16 index of the text, and its end: bytes before it as UTF-8. */
function byteOffsets(text: string): Uint32Array {
  const offsets = new Uint32Array(text.length + 1);
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    offsets[at] = bytes;
    const code = text.codePointAt(at) ?? 0;
    const wide = code > 0xffff;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : wide ? 4 : 3;
    if (wide) offsets[++at] = bytes;
  }
  offsets[text.length] = bytes;
  return offsets;
}
