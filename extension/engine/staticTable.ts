/**
 * The static table of the embedded scorer: a vector and two weights for each known word, and vectors for hashed
 * character n-grams, so that unknown words have a meaning too. A text's vector is the weighted sum of its words'.
 *
 * File: [u32 header bytes][JSON header][int8 word rows][int8 n-gram rows][f32 scales of the word rows, of the n-gram
 * rows][f32 weights of the words in code][f32 weights of the words in questions], little-endian.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as z from "zod";
import { codeWithoutDoc, scorerName, scorerPath, streamWords } from "../pipeline/scorerText.ts";
import type { StaticEncoder } from "../pipeline/ports.ts";
import { VectorSlots } from "../pipeline/weightedSums.ts";
import { Failure } from "../protocol/failure.ts";
import type { Unit } from "../protocol/units.ts";

/** Words per field of a unit, as in training. */
const pathWordsMax = 12;
const nameWordsMax = 10;
const docWordsMax = 60;
const codeWordsMax = 250;
const questionWordsMax = 256;
/** Words of a unit, the longer of the two. */
const textWordsMax = pathWordsMax + nameWordsMax + docWordsMax + codeWordsMax;
/** Word vectors kept ready: 32,768 × 256 × 4 bytes = 32 MiB. When full, all are dropped and made again on demand. */
const wordsKeptMax = 32768;
const gramLengthMin = 3;
const gramLengthMax = 5;

const headerSchema = z.object({
  format: z.literal("codeB1"),
  dim: z.int().min(1).max(4096),
  buckets: z.int().min(1),
  words: z.array(z.string()),
  field_weights: z.object({ path: z.number(), name: z.number(), code: z.number(), doc: z.number() }),
  oov_code: z.number(),
  oov_query: z.number(),
});
type Header = z.infer<typeof headerSchema>;

/** An encoder that another thread can load for itself. */
export interface TableEncoder extends StaticEncoder {
  /** Path of the table. */
  readonly file: string;
  /** Tells tables with different content apart: 16 hexadecimal digits. */
  readonly key: string;
}

/** Reads a static table. Throws `Failure` scorerMissing when the file does not exist or is not such a table. */
export async function loadStaticTable(file: string): Promise<TableEncoder> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(await readFile(file));
  } catch (error) {
    throw new Failure("scorerMissing", error instanceof Error ? error.message : file, { cause: error });
  }
  const { header, bodyStart } = readHeader(bytes, file);
  return new StaticTable(file, { header, bytes, bodyStart });
}

function readHeader(bytes: Uint8Array<ArrayBuffer>, file: string): { header: Header; bodyStart: number } {
  const headerBytes = bytes.length < 4 ? bytes.length : new DataView(bytes.buffer).getUint32(0, true);
  const bodyStart = 4 + headerBytes;
  if (bodyStart > bytes.length) throw new Failure("scorerMissing", `${file} is cut off in its header`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes.subarray(4, bodyStart)));
  } catch (error) {
    throw new Failure("scorerMissing", `${file} has no readable header`, { cause: error });
  }
  const checked = headerSchema.safeParse(parsed);
  if (!checked.success) throw new Failure("scorerMissing", `${file} is not a static table of a known format`);
  const header = checked.data;
  const rows = header.words.length + header.buckets;
  const expected = bodyStart + rows * (header.dim + 4) + header.words.length * 8;
  if (bytes.length !== expected) {
    throw new Failure("scorerMissing", `${file} has ${bytes.length} bytes, its header says ${expected}`);
  }
  return { header, bodyStart };
}

class StaticTable implements TableEncoder {
  readonly file: string;
  readonly key: string;
  readonly dimensions: number;
  readonly #buckets: number;
  readonly #fieldWeights: Header["field_weights"];
  /** Row by word; unknown words have none. */
  readonly #rows = new Map<string, number>();
  readonly #rowValues: Int8Array;
  readonly #rowScales: Float32Array;
  readonly #gramStart: number;
  /** Weight by row; the last entry is for unknown words. */
  readonly #codeWeights: Float32Array;
  readonly #questionWeights: Float32Array;

  /** Words met so far: slot by word, and rows by slot. */
  readonly #slots = new Map<string, number>();
  readonly #vectors: VectorSlots;
  readonly #slotRows = new Int32Array(wordsKeptMax);
  /** Times each slot occurs in the field at hand, and the slots that do; both empty between calls. */
  readonly #counts = new Uint16Array(wordsKeptMax);
  readonly #touched: number[] = [];

  constructor(
    file: string,
    { header, bytes, bodyStart }: { header: Header; bytes: Uint8Array<ArrayBuffer>; bodyStart: number },
  ) {
    this.file = file;
    this.key = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    const words = header.words.length;
    const rows = words + header.buckets;
    const scalesStart = bodyStart + rows * header.dim;
    const weightsStart = scalesStart + rows * 4;
    const floats = (start: number, count: number) => new Float32Array(bytes.slice(start, start + count * 4).buffer);
    this.dimensions = header.dim;
    this.#buckets = header.buckets;
    this.#fieldWeights = header.field_weights;
    this.#rowValues = new Int8Array(bytes.buffer, bodyStart, rows * header.dim);
    this.#rowScales = floats(scalesStart, rows);
    this.#gramStart = words;
    this.#codeWeights = withLast(floats(weightsStart, words), header.oov_code);
    this.#questionWeights = withLast(floats(weightsStart + words * 4, words), header.oov_query);
    header.words.forEach((word, row) => this.#rows.set(word, row));
    this.#vectors = new VectorSlots(header.dim, wordsKeptMax, textWordsMax);
  }

  encodeQuestion(question: string): Float32Array | null {
    this.#makeRoom();
    for (const word of streamWords(question, questionWordsMax)) {
      const slot = this.#slot(word);
      this.#vectors.add(slot, this.#questionWeights[this.#slotRows[slot] ?? 0] ?? 0);
    }
    return normalised(this.#vectors.sum());
  }

  encodeUnit(unit: Unit): Float32Array | null {
    this.#makeRoom();
    const weights = this.#fieldWeights;
    this.#addField(streamWords(scorerPath(unit)).slice(-pathWordsMax), weights.path, false);
    this.#addField(streamWords(scorerName(unit)).slice(-nameWordsMax), weights.name, false);
    this.#addField(streamWords(unit.doc, docWordsMax), weights.doc, false);
    this.#addField(streamWords(codeWithoutDoc(unit), codeWordsMax), weights.code, true);
    return normalised(this.#vectors.sum());
  }

  /** Slots must not be dropped while a text's words are gathered. */
  #makeRoom(): void {
    if (this.#slots.size + textWordsMax > wordsKeptMax) this.#slots.clear();
  }

  /** Adds each distinct word once; where repetitions count, they do so logarithmically. */
  #addField(words: readonly string[], fieldWeight: number, repetitionsCount: boolean): void {
    for (const word of words) {
      const slot = this.#slot(word);
      const count = this.#counts[slot] ?? 0;
      if (count === 0) this.#touched.push(slot);
      this.#counts[slot] = count + 1;
    }
    for (const slot of this.#touched) {
      const repetition = repetitionsCount ? 1 + Math.log(this.#counts[slot] ?? 1) : 1;
      this.#vectors.add(slot, (this.#codeWeights[this.#slotRows[slot] ?? 0] ?? 0) * fieldWeight * repetition);
      this.#counts[slot] = 0;
    }
    this.#touched.length = 0;
  }

  #slot(word: string): number {
    const known = this.#slots.get(word);
    if (known !== undefined) return known;
    const slot = this.#slots.size;
    const row = this.#rows.get(word);
    this.#slots.set(word, slot);
    this.#slotRows[slot] = row ?? this.#gramStart;
    const vector = this.#vectors.vector(slot);
    vector.fill(0);
    this.#addGrams(vector, word);
    if (row !== undefined) this.#addRow(vector, row, 1);
    return slot;
  }

  /** Adds the mean of the rows of the word's 3-, 4- and 5-grams, its ends marked; words under 3 letters have none. */
  #addGrams(vector: Float32Array, word: string): void {
    if (word.length < gramLengthMin) return;
    const marked = `<${word}>`;
    let grams = 0;
    for (let length = gramLengthMin; length <= gramLengthMax; length += 1) {
      grams += Math.max(0, marked.length - length + 1);
    }
    for (let start = 0; start + gramLengthMin <= marked.length; start += 1) {
      let crc = 0xffffffff;
      for (let length = 1; length <= gramLengthMax && start + length <= marked.length; length += 1) {
        crc = (crcTable[(crc ^ marked.charCodeAt(start + length - 1)) & 0xff] ?? 0) ^ (crc >>> 8);
        if (length < gramLengthMin) continue;
        const bucket = ((crc ^ 0xffffffff) >>> 0) % this.#buckets;
        this.#addRow(vector, this.#gramStart + bucket, 1 / grams);
      }
    }
  }

  #addRow(vector: Float32Array, row: number, weight: number): void {
    const scale = (this.#rowScales[row] ?? 0) * weight;
    const start = row * this.dimensions;
    for (let d = 0; d < vector.length; d += 1) {
      vector[d] = (vector[d] ?? 0) + scale * (this.#rowValues[start + d] ?? 0);
    }
  }
}

function withLast(values: Float32Array, last: number): Float32Array {
  const longer = new Float32Array(values.length + 1);
  longer.set(values);
  longer[values.length] = last;
  return longer;
}

/** Scales to length 1 in place; null for the zero vector. */
function normalised(vector: Float32Array): Float32Array | null {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares === 0) return null;
  const scale = 1 / Math.sqrt(squares);
  for (let d = 0; d < vector.length; d += 1) vector[d] = (vector[d] ?? 0) * scale;
  return vector;
}

/** CRC-32 (IEEE 802.3, reflected), one entry per byte. */
const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});
