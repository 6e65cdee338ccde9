/** Reads and writes GGUF version 3 files as far as test models need it: all metadata types, tensors of f32 and f16. */
import { open, readFile } from "node:fs/promises";
import { endianness } from "node:os";

export type GgufScalarType =
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "uint32"
  | "int32"
  | "float32"
  | "bool"
  | "string"
  | "uint64"
  | "int64"
  | "float64";

export type GgufScalar = number | bigint | boolean | string;

export type GgufValue =
  | { readonly type: GgufScalarType; readonly value: GgufScalar }
  | { readonly type: "array"; readonly itemType: GgufScalarType; readonly value: readonly GgufScalar[] };

export type GgufMetadata = ReadonlyMap<string, GgufValue>;

export interface GgufTensor {
  readonly name: string;
  /** Row length first, as GGUF stores it. */
  readonly shape: readonly number[];
  readonly type: "f32" | "f16";
  /** The tensor's bytes; called once, when its turn comes, so that only one tensor is in memory at a time. */
  readonly data: () => Uint8Array;
}

/** Metadata of a GGUF file of version 2 or 3. Throws a RangeError or Error where the file is not one. */
export async function readGgufMetadata(file: string): Promise<GgufMetadata> {
  return readHead(new Reader(await readFile(file)), file).metadata;
}

/** The numbers of all tensors. Throws where the file is no GGUF or has a tensor that is neither f32 nor f16. */
export async function readGgufTensors(
  file: string,
): Promise<Map<string, { readonly shape: readonly number[]; readonly values: Float32Array<ArrayBuffer> }>> {
  const content = await readFile(file);
  const reader = new Reader(content);
  const { tensorCount } = readHead(reader, file);
  const heads = Array.from({ length: tensorCount }, () => {
    const name = reader.string();
    const dimensions = Number(reader.scalar("uint32"));
    const shape = Array.from({ length: dimensions }, () => Number(reader.scalar("uint64")));
    return { name, shape, type: Number(reader.scalar("uint32")), offset: Number(reader.scalar("uint64")) };
  });
  const begin = aligned(reader.position);
  return new Map(
    heads.map(({ name, shape, type, offset }) => {
      if (type !== 0 && type !== 1) throw new Error(`tensor ${name} has the type ${type}`);
      const length = shape.reduce((product, part) => product * part, 1);
      const bytes = content.subarray(begin + offset, begin + offset + length * (type === 0 ? 4 : 2));
      return [name, { shape, values: type === 0 ? singles(bytes) : halves(bytes) }];
    }),
  );
}

/** Writes a GGUF version 3 file; an existing one is replaced. */
export async function writeGguf(
  file: string,
  metadata: GgufMetadata,
  tensors: readonly GgufTensor[],
  signal?: AbortSignal,
): Promise<void> {
  const head = new Writer();
  head.bytes(Buffer.from("GGUF"));
  head.scalar("uint32", 3);
  head.scalar("uint64", tensors.length);
  head.scalar("uint64", metadata.size);
  for (const [key, value] of metadata) {
    head.string(key);
    head.value(value);
  }
  let offset = 0;
  for (const tensor of tensors) {
    head.string(tensor.name);
    head.scalar("uint32", tensor.shape.length);
    for (const length of tensor.shape) head.scalar("uint64", length);
    head.scalar("uint32", tensor.type === "f32" ? 0 : 1);
    head.scalar("uint64", offset);
    offset += aligned(tensorBytes(tensor));
  }
  const handle = await open(file, "w");
  try {
    const header = head.finish();
    await handle.writeFile(padded(header));
    for (const tensor of tensors) {
      signal?.throwIfAborted();
      const data = tensor.data();
      if (data.byteLength !== tensorBytes(tensor))
        throw new Error(`tensor ${tensor.name} has ${data.byteLength} bytes`);
      await handle.writeFile(padded(data));
    }
  } finally {
    await handle.close();
  }
}

function readHead(reader: Reader, file: string): { readonly tensorCount: number; readonly metadata: GgufMetadata } {
  if (reader.text(4) !== "GGUF") throw new Error(`${file} does not start with GGUF`);
  const version = Number(reader.scalar("uint32"));
  if (version !== 2 && version !== 3) throw new Error(`${file} is GGUF version ${version}`);
  const tensorCount = Number(reader.scalar("uint64"));
  const entries = Number(reader.scalar("uint64"));
  const metadata = new Map<string, GgufValue>();
  for (let entry = 0; entry < entries; entry++) {
    const key = reader.string();
    metadata.set(key, reader.value());
  }
  return { tensorCount, metadata };
}

/** A copy, because a Buffer's bytes may lie at an odd address. */
function singles(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  if (endianness() !== "LE") throw new Error("only little-endian machines are supported");
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** IEEE 754 binary16. */
function halves(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength / 2 }, (_, index) => {
    const bits = view.getUint16(index * 2, true);
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    return bits < 0x8000 ? size : -size;
  });
}

const alignment = 32;

/** The numbers that stand for the types in a file; `array` is 9. */
const typeNumbers: Readonly<Record<GgufScalarType, number>> = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  uint64: 10,
  int64: 11,
  float64: 12,
};
const arrayTypeNumber = 9;

function scalarTypeOf(number: number): GgufScalarType {
  for (const [type, candidate] of Object.entries(typeNumbers)) {
    if (candidate === number) return type as GgufScalarType;
  }
  throw new Error(`GGUF value type ${number} is unknown`);
}

function tensorBytes(tensor: GgufTensor): number {
  const elements = tensor.shape.reduce((product, length) => product * length, 1);
  return elements * (tensor.type === "f32" ? 4 : 2);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function padded(data: Uint8Array): Uint8Array {
  const result = new Uint8Array(aligned(data.byteLength));
  result.set(data);
  return result;
}

class Reader {
  readonly #buffer: Buffer;
  #position = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get position(): number {
    return this.#position;
  }

  text(bytes: number): string {
    const text = this.#buffer.toString("utf8", this.#position, this.#position + bytes);
    this.#position += bytes;
    return text;
  }

  string(): string {
    return this.text(Number(this.scalar("uint64")));
  }

  value(): GgufValue {
    const number = Number(this.scalar("uint32"));
    if (number !== arrayTypeNumber) {
      const type = scalarTypeOf(number);
      return { type, value: this.scalar(type) };
    }
    const itemType = scalarTypeOf(Number(this.scalar("uint32")));
    const length = Number(this.scalar("uint64"));
    const value: GgufScalar[] = [];
    for (let index = 0; index < length; index++) value.push(this.scalar(itemType));
    return { type: "array", itemType, value };
  }

  scalar(type: GgufScalarType): GgufScalar {
    if (type === "string") return this.string();
    const at = this.#position;
    const buffer = this.#buffer;
    switch (type) {
      case "uint8":
        this.#position += 1;
        return buffer.readUInt8(at);
      case "int8":
        this.#position += 1;
        return buffer.readInt8(at);
      case "bool":
        this.#position += 1;
        return buffer.readUInt8(at) !== 0;
      case "uint16":
        this.#position += 2;
        return buffer.readUInt16LE(at);
      case "int16":
        this.#position += 2;
        return buffer.readInt16LE(at);
      case "uint32":
        this.#position += 4;
        return buffer.readUInt32LE(at);
      case "int32":
        this.#position += 4;
        return buffer.readInt32LE(at);
      case "float32":
        this.#position += 4;
        return buffer.readFloatLE(at);
      case "uint64":
        this.#position += 8;
        return buffer.readBigUInt64LE(at);
      case "int64":
        this.#position += 8;
        return buffer.readBigInt64LE(at);
      case "float64":
        this.#position += 8;
        return buffer.readDoubleLE(at);
    }
  }
}

class Writer {
  #buffer = Buffer.alloc(1 << 20);
  #length = 0;

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.byteLength;
  }

  string(text: string): void {
    const bytes = Buffer.from(text, "utf8");
    this.scalar("uint64", bytes.byteLength);
    this.bytes(bytes);
  }

  value(value: GgufValue): void {
    if (value.type !== "array") {
      this.scalar("uint32", typeNumbers[value.type]);
      this.scalar(value.type, value.value);
      return;
    }
    this.scalar("uint32", arrayTypeNumber);
    this.scalar("uint32", typeNumbers[value.itemType]);
    this.scalar("uint64", value.value.length);
    for (const item of value.value) this.scalar(value.itemType, item);
  }

  scalar(type: GgufScalarType, value: GgufScalar): void {
    if (type === "string") {
      this.string(String(value));
      return;
    }
    this.#reserve(8);
    const at = this.#length;
    const buffer = this.#buffer;
    switch (type) {
      case "uint8":
      case "bool":
        this.#length = buffer.writeUInt8(Number(value), at);
        break;
      case "int8":
        this.#length = buffer.writeInt8(Number(value), at);
        break;
      case "uint16":
        this.#length = buffer.writeUInt16LE(Number(value), at);
        break;
      case "int16":
        this.#length = buffer.writeInt16LE(Number(value), at);
        break;
      case "uint32":
        this.#length = buffer.writeUInt32LE(Number(value), at);
        break;
      case "int32":
        this.#length = buffer.writeInt32LE(Number(value), at);
        break;
      case "float32":
        this.#length = buffer.writeFloatLE(Number(value), at);
        break;
      case "uint64":
        this.#length = buffer.writeBigUInt64LE(BigInt(value), at);
        break;
      case "int64":
        this.#length = buffer.writeBigInt64LE(BigInt(value), at);
        break;
      case "float64":
        this.#length = buffer.writeDoubleLE(Number(value), at);
        break;
    }
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.byteLength) return;
    const larger = Buffer.alloc(Math.max(this.#buffer.byteLength * 2, this.#length + bytes));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
