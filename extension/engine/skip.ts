/**
 * What is not worth indexing, and how text is read: vendored folders, generated, minified and binary files, encodings.
 * Every rule returns a sentence, or null where the file is fine.
 */
import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { SkipReason } from "../protocol/units.ts";

export interface Skip {
  readonly reason: SkipReason;
  readonly detail: Sentence;
}

/** Folders that hold other people's code or tool output under a name nobody uses for their own. */
const vendoredFolders = new Set([
  "node_modules",
  "bower_components",
  "jspm_packages",
  "vendor",
  "third_party",
  "third-party",
  "thirdparty",
  "3rdparty",
  "pods",
  "carthage",
  "site-packages",
  "__pycache__",
  "__pypackages__",
  ".venv",
  ".tox",
  ".nox",
  ".eggs",
  ".mypy_cache",
  ".pytest_cache",
  ".ruff_cache",
  ".gradle",
  ".next",
  ".nuxt",
  ".yarn",
  ".pnpm-store",
  ".cache",
  ".terraform",
  ".svn",
  ".hg",
  ".jj",
  ".idea",
  ".vs",
]);

/**
 * Whether a folder is somebody else's code or build output. `names` are its entries' names, `siblings` those of the
 * folder it lies in: `dist` counts only next to a package.json, and any folder with the marks of a virtual environment
 * or a cache (CACHEDIR.TAG) counts.
 */
export function vendoredFolder(
  name: string,
  names: ReadonlySet<string>,
  siblings: ReadonlySet<string>,
): Sentence | null {
  const lowered = name.toLowerCase();
  if (vendoredFolders.has(lowered)) return sentence("`{0}` holds code or data that is not this project's own", name);
  if (names.has("pyvenv.cfg")) return sentence("a Python virtual environment");
  if (names.has("CACHEDIR.TAG")) return sentence("marked as a cache or build folder by its CACHEDIR.TAG");
  if (lowered === "dist" && siblings.has("package.json")) return sentence("build output next to a package.json");
  return null;
}

const minifiedName = /(?:[.-]min|\.bundle|\.packed)\.(?:js|mjs|cjs|css)$/;
const generatedName =
  /(?:\.pb\.(?:go|cc|h)|_pb2(?:_grpc)?\.pyi?|\.pb\.validate\.go|_pb\.(?:js|d\.ts|rb)|\.designer\.(?:cs|vb)|\.g(?:\.i)?\.cs|\.generated\.[a-z0-9]+|_generated\.[a-z0-9]+|\.gen\.go|\.freezed\.dart|\.g\.dart)$|^zz_generated\..*\.go$|^bindata\.go$/;
const lockName =
  /^(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|cargo\.lock|poetry\.lock|pipfile\.lock|uv\.lock|composer\.lock|gemfile\.lock|go\.sum|mix\.lock|flake\.lock|podfile\.lock)$/;

/** Skips that the file's name alone decides. `name` is the base name. */
export function skipByName(name: string): Skip | null {
  const lowered = name.toLowerCase();
  if (minifiedName.test(lowered)) return { reason: "minified", detail: sentence("its name says that it is minified") };
  if (lockName.test(lowered)) return { reason: "generated", detail: sentence("a lock file") };
  if (generatedName.test(lowered))
    return { reason: "generated", detail: sentence("its name says that a tool wrote it") };
  return null;
}

export interface Decoded {
  /** Line ends are `\n`; no byte order mark. */
  readonly text: string;
  readonly encoding: "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";
}

/** Above this share of bytes beyond ASCII an unknown encoding is not guessed. */
const guessedHighShareMax = 0.25;

/**
 * Reads bytes as text: UTF-8 (with or without mark), UTF-16 with a mark, and otherwise Windows-1252 where few bytes are
 * beyond ASCII, as in old sources with an accented name in a comment. Anything else is a skip: wrongly decoded text
 * would be ranked and cited as nonsense.
 */
export function decodeText(bytes: Uint8Array): Decoded | Skip {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decodeMarked(bytes, "utf-16le");
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decodeMarked(bytes, "utf-16be");
  if (bytes.includes(0)) return { reason: "binary", detail: sentence("it contains NUL bytes") };
  const magic = magics.find(({ start }) => start.every((byte, at) => bytes[at] === byte));
  if (magic !== undefined) return { reason: "binary", detail: magic.detail };
  try {
    return { text: withPlainLineEnds(utf8.decode(bytes)), encoding: "utf-8" };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  return decodeGuessed(bytes);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const windows1252 = new TextDecoder("windows-1252");

const magics: readonly { readonly detail: Sentence; readonly start: readonly number[] }[] = [
  { detail: sentence("it is a PDF"), start: [0x25, 0x50, 0x44, 0x46, 0x2d] },
  { detail: sentence("it is a PNG image"), start: [0x89, 0x50, 0x4e, 0x47] },
  { detail: sentence("it is a JPEG image"), start: [0xff, 0xd8, 0xff] },
  { detail: sentence("it is a zip archive"), start: [0x50, 0x4b, 0x03, 0x04] },
  { detail: sentence("it is a gzip archive"), start: [0x1f, 0x8b, 0x08] },
  { detail: sentence("it is a program"), start: [0x7f, 0x45, 0x4c, 0x46] },
];

function decodeMarked(bytes: Uint8Array, encoding: "utf-16le" | "utf-16be"): Decoded | Skip {
  try {
    return { text: withPlainLineEnds(new TextDecoder(encoding, { fatal: true }).decode(bytes)), encoding };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { reason: "badEncoding", detail: sentence("it starts like {0} but is not valid", encoding.toUpperCase()) };
  }
}

function decodeGuessed(bytes: Uint8Array): Decoded | Skip {
  let high = 0;
  let control = 0;
  for (const byte of bytes) {
    if (byte >= 0x80) high += 1;
    else if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c) control += 1;
  }
  if (control > bytes.length / 100)
    return { reason: "binary", detail: sentence("it is neither UTF-8 nor any other text") };
  if (high > bytes.length * guessedHighShareMax) {
    return {
      reason: "badEncoding",
      detail: sentence("it is neither UTF-8 nor UTF-16, and mostly beyond ASCII; save it as UTF-8"),
    };
  }
  return { text: withPlainLineEnds(windows1252.decode(bytes)), encoding: "windows-1252" };
}

function withPlainLineEnds(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

/** Below this many characters a file is too small for line lengths to say anything. */
const minifiedCharactersMin = 2048;
/** People's code has 30 to 60 characters a line; minifiers write thousands. */
const minifiedMeanLine = 250;
const minifiedLongLine = 1000;
const minifiedLongShare = 0.6;

/** Skips that the text decides. `language` is the id of a grammar, or `text` for prose, whose lines may be long. */
export function skipByText(text: string, language: string): Skip | null {
  if (isGenerated(text)) return { reason: "generated", detail: sentence("its first lines say that a tool wrote it") };
  if (language !== "text" && text.length >= minifiedCharactersMin) {
    const { lines, longCharacters } = lineFigures(text);
    const mean = text.length / lines;
    if (mean > minifiedMeanLine) {
      return { reason: "minified", detail: sentence("its lines have {0} characters on average", Math.round(mean)) };
    }
    if (longCharacters > text.length * minifiedLongShare) {
      const share = Math.round((longCharacters / text.length) * 100);
      const detail = sentence("{0} % of it is in lines of over {1} characters", share, minifiedLongLine);
      return { reason: "minified", detail };
    }
  }
  return null;
}

function lineFigures(text: string): { lines: number; longCharacters: number } {
  let lines = 0;
  let longCharacters = 0;
  for (let start = 0; start <= text.length;) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    lines += 1;
    if (end - start > minifiedLongLine) longCharacters += end - start;
    start = end + 1;
  }
  return { lines, longCharacters };
}

/** Marks stand in the comment that opens the file; a generator's own source mentions them further down, in strings. */
const generatedHeadLines = 40;
const generatedHeadCharacters = 4000;
/** Lines that may stand before the comment. */
const preamble = /^(?:<\?(?:php|xml\b.*)|#pragma once|package [\w.]+;?|["']use strict["'];?|)$/;
const lineComment = /^(?:\/\/|#|--|;|%)/;
const blockComments: readonly { readonly start: RegExp; readonly end: string }[] = [
  { start: /^\/\*/, end: "*/" },
  { start: /^<!--/, end: "-->" },
  { start: /^[rRuU]?"""/, end: '"""' },
  { start: /^[rRuU]?'''/, end: "'''" },
  { start: /^=begin\b/, end: "=end" },
];
const generatedMark =
  /@generated\b|<auto-generated|\bgenerated\b.*\bdo not (?:edit|modify|change)\b|\bdo not (?:edit|modify|change)\b.*\bgenerated\b|\b(?:auto(?:matically)?[- ]?generated|machine[- ]generated)\b.*\b(?:by|from|using|do not)\b|^\W*this (?:file|code) (?:is|was|has been) (?:auto(?:matically)?[- ]?)?generated\b/i;

function isGenerated(text: string): boolean {
  const comment = openingComment(text);
  // Some tools spread the sentence over two lines.
  return comment.some((line, at) => generatedMark.test(line) || generatedMark.test(`${line} ${comment[at + 1] ?? ""}`));
}

/** The lines of the comments before the first line of code. */
function openingComment(text: string): string[] {
  const found: string[] = [];
  let end = "";
  for (const raw of text.slice(0, generatedHeadCharacters).split("\n", generatedHeadLines)) {
    const line = raw.trim();
    if (end !== "") {
      found.push(line);
      if (line.includes(end)) end = "";
      continue;
    }
    const block = blockComments.find(({ start }) => start.test(line));
    if (block !== undefined) {
      found.push(line);
      if (!line.slice(3).includes(block.end)) end = block.end;
    } else if (lineComment.test(line)) found.push(line);
    else if (!preamble.test(line)) break;
  }
  return found;
}
