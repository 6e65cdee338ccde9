/**
 * Assembles a WebAssembly function. JavaScript has no vector instructions; WebAssembly has, and where the time goes into
 * sums of products a function of a few of them is five to ten times faster. Codes are those of the WebAssembly
 * specification.
 */

/** Instructions, as bytes. */
export type Code = readonly number[];

const [i32Type, v128Type] = [0x7f, 0x7b];

export const get = (local: number): Code => [0x20, local];
export const set = (local: number): Code => [0x21, local];
/** A whole number from 0 to 63. */
export const constant = (value: number): Code => [0x41, value];
export const repeat = (body: Code, condition: Code): Code => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b];

/** Of 32-bit whole numbers and addresses. Offsets of loads are from 0 to 127 bytes. */
export const i32 = { add: [0x6a], isBelow: [0x49], load: [0x28, 2, 0], store: [0x36, 2, 0] } as const;
export const f32 = { load: (offset: number): Code => [0x2a, 2, offset] } as const;
export const v128 = {
  load: (offset: number): Code => [0xfd, 0x00, 0, offset],
  /** Eight bytes as eight numbers of 16 bits. */
  loadEightBytes: (offset: number): Code => [0xfd, 0x01, 0, offset],
  store: [0xfd, 0x0b, 0, 0],
} as const;
/** On four whole numbers of 32 bits. */
export const i32x4 = {
  splat: [0xfd, 0x11],
  lane: (at: number): Code => [0xfd, 0x1b, at],
  add: [0xfd, 0xae, 0x01],
  /** Products of eight numbers of 16 bits, neighbours added. */
  multiplyPairs: [0xfd, 0xba, 0x01],
} as const;
/** On four numbers of 32 bits with a fraction. */
export const f32x4 = { splat: [0xfd, 0x13], add: [0xfd, 0xe4, 0x01], multiply: [0xfd, 0xe6, 0x01] } as const;

/** Adds to a local. */
export const advance = (local: number, bytes: number): Code => [
  ...get(local),
  ...constant(bytes),
  ...i32.add,
  ...set(local),
];
export const isBelow = (local: number, end: number): Code => [...get(local), ...get(end), ...i32.isBelow];

export interface VectorFunction {
  readonly memory: ArrayBuffer;
  /** Takes whole numbers from 0 on. */
  readonly call: (a: number, b: number, c: number, d: number) => void;
}

/**
 * A function of four whole numbers, which are locals 0 to 3; locals 4 and 5 are whole numbers, too, and 6 and 7 vectors.
 * Null where the processor has no vector instructions.
 */
export function assemble(body: Code, memoryBytes: number): VectorFunction | null {
  const locals = [2, 2, i32Type, 2, v128Type];
  const pages = Math.ceil(memoryBytes / pageBytes);
  const program = Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 4, i32Type, i32Type, i32Type, i32Type, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, ...size(pages)]),
    ...section(7, [2, 1, 0x6d, 2, 0, 1, 0x66, 0, 0]),
    ...section(10, [1, ...sized([...locals, ...body, 0x0b])]),
  ]);
  if (!WebAssembly.validate(program)) return null;
  const { m: memory, f: call } = new WebAssembly.Instance(new WebAssembly.Module(program)).exports;
  return { memory: memory.buffer, call };
}

const pageBytes = 0x10000;
/** A number below 16,384 in two bytes of seven bits. */
const size = (value: number): Code => [(value & 0x7f) | 0x80, value >> 7];
const sized = (content: Code): Code => [...size(content.length), ...content];
const section = (id: number, content: Code): Code => [id, ...sized(content)];

/** What is used of WebAssembly; the type library that describes it is the browser's. */
declare const WebAssembly: {
  validate(program: Uint8Array): boolean;
  readonly Module: new (program: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: { readonly m: { readonly buffer: ArrayBuffer }; readonly f: VectorFunction["call"] };
  };
};
