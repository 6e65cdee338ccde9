/** Source files as the code model reads them: plain documents, and pieces with a hole to fill in. */
import type { Bpe } from "./bpeEncoder.ts";
import type { PackedIds } from "./packedIds.ts";
import type { SeededRandom } from "./seededRandom.ts";
import type { FileRecord } from "./workFolder.ts";

/** A piece is at most this long. */
export const pieceCharactersMax = 1600;
/** Prefix, suffix and middle together; pieces of dense code are cut once more. */
const pieceTokensMax = 600;

/** Shorter pieces have nothing around their hole. */
const pieceCharactersMin = 80;
/** Cutting a piece in three may add a token or two at each cut. */
const fillInTokens = 8;
const restOfLineShare = 0.45;
const wholeLinesShare = 0.4;
const wholeLinesMax = 6;
/** A random hole is at most this long. */
const spanCharactersMax = 400;

export interface Hole {
  /** What is filled in: the characters from `start` to `end`. */
  readonly start: number;
  readonly end: number;
}

/** Appends `<file separator>path⏎text<end>`. Answers the bytes of path, line end and text as UTF-8. */
export function appendDocument(file: Pick<FileRecord, "path" | "text">, bpe: Bpe, ids: PackedIds): number {
  const text = `${file.path}\n${file.text}`;
  ids.push(bpe.special("fileSeparator"));
  ids.pushAll(bpe.encode(text));
  ids.push(bpe.special("endOfText"));
  return Buffer.byteLength(text, "utf8");
}

/**
 * Appends a file in pieces, each `<file separator>path⏎<prefix><suffix>…<middle>…<end>`: what follows the hole, then what
 * stands before it and, without a mark between them, the hole. So a small model goes on writing where it reads, as it does
 * in plain text; with the suffix between the two it did not find back to the end of the prefix.
 */
export function appendPieces(
  file: Pick<FileRecord, "path" | "text">,
  bpe: Bpe,
  random: SeededRandom,
  ids: PackedIds,
): void {
  const path = bpe.encode(`${file.path}\n`);
  const short = (piece: string): string[] => {
    const isShort = bpe.encode(piece).length < pieceTokensMax - fillInTokens;
    return isShort ? [piece] : piecesOf(piece, Math.ceil(piece.length * 0.6)).flatMap(short);
  };
  for (const piece of piecesOf(file.text, pieceCharactersMax).flatMap(short)) {
    const hole = chooseHole(piece, random);
    if (hole === null) continue;
    ids.push(bpe.special("fileSeparator"));
    ids.pushAll(path);
    ids.push(bpe.special("fimPrefix"));
    ids.push(bpe.special("fimSuffix"));
    ids.pushAll(bpe.encode(piece.slice(hole.end)));
    ids.push(bpe.special("fimMiddle"));
    ids.pushAll(bpe.encode(piece.slice(0, hole.start)));
    ids.pushAll(bpe.encode(piece.slice(hole.start, hole.end)));
    ids.push(bpe.special("endOfText"));
  }
}

/**
 * Cuts a text at line ends, where a blank line is near at blank lines. Lines that are longer than a piece are left out,
 * and so are pieces with nothing around a hole.
 */
export function piecesOf(text: string, charactersMax: number): string[] {
  const pieces: string[] = [];
  let piece = "";
  for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const isFull = piece.length + line.length > charactersMax;
    const isBreak = line === "\n" && piece.length > charactersMax * 0.75;
    if (isFull || isBreak) {
      pieces.push(piece);
      piece = "";
    }
    if (line.length <= charactersMax) piece += line;
  }
  pieces.push(piece);
  return pieces.filter(({ length }) => length >= pieceCharactersMin);
}

/** Where a person might be typing; null where the piece has no line to fill in. */
export function chooseHole(piece: string, random: SeededRandom): Hole | null {
  const lines = filledLines(piece);
  const line = random.pick(lines);
  if (line === undefined) return null;
  const way = random.next();
  if (way < restOfLineShare) {
    return { start: withinPair(piece, random.between(line.textStart, line.end - 1)), end: line.end };
  }
  if (way < restOfLineShare + wholeLinesShare) {
    const last = lines[Math.min(lines.indexOf(line) + random.between(0, wholeLinesMax - 1), lines.length - 1)] ?? line;
    // An editor has put the indentation there already, or it has not.
    return { start: random.chance(0.5) ? line.textStart : line.start, end: last.end };
  }
  const start = withinPair(piece, random.between(0, piece.length - 2));
  const longest = Math.min(spanCharactersMax, piece.length - start);
  return { start, end: withinPair(piece, start + random.between(1, longest)) };
}

interface FilledLine {
  readonly start: number;
  /** After the indentation. */
  readonly textStart: number;
  /** Before the line end. */
  readonly end: number;
}

function filledLines(piece: string): FilledLine[] {
  return Array.from(piece.matchAll(/^([ \t]*)(\S[^\n]*)$/gm), ({ index, 0: line, 1: indent = "" }) => ({
    start: index,
    textStart: index + indent.length,
    end: index + line.length,
  }));
}

/** One to the left where the place is between the halves of a surrogate pair. */
function withinPair(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
