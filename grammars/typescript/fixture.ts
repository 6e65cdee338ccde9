// Settings of the whole program.
import path, { type ParsedPath as Parsed } from "node:path";
//                                              ^^^^^^^^^^^ import "node:path"
//     ^^^^ import
import * as units from "./units.ts";
//          ^^^^^ import
export { Other } from "./other.ts";
//                    ^^^^^^^^^^^^ import "./other.ts"

const short = 1;
export const defaults: Settings = {
//           ^^^^^^^^ constant defaults
  path: short,
  load: () => units.read(),
  depth: 3,
};

/** Reads settings.
 * Throws when {@link path} is missing. */
export async function load(file: string): Promise<Settings> {
//                    ^^^^ function load 18-25 doc="Reads settings. Throws when path is missing."
  const inner = () => parse(file);
//                    ^^^^^ call
  return inner().map(convert);
}

function parse(text: string): Parsed;
function parse(text: number): Parsed;
function parse(text: unknown): Parsed {
//       ^^^^^ function parse 27-35
  // Says nothing about ghost.
//                      ^^^^^ nothing
  return path.parse(String(text));
//       ^^^^ name
}

const convert = (value: string): string => value.trim();
//    ^^^^^^^ function convert 37

/** What can be set. */
export interface Settings extends Base<Parsed> {
//               ^^^^^^^^ interface Settings 40-47 doc="What can be set."
//                                     ^^^^^^ type
  readonly path: string;
  load(): Promise<Parsed>;
//^^^^ nothing
}

export type Mode = "fast" | Slow;
//          ^^^^ type Mode
enum Level {
//   ^^^^^ enum Level 51-55
  low,
  high,
}

/** Keeps settings. */
@register
export abstract class Store<T> extends Map<string, T> implements Keeper {
//                    ^^^^^ class Store 57-64,69-70,75,79-80 doc="Keeps settings."
//                                                               ^^^^^^ type
  private readonly level = Level.low;

  constructor(private readonly file: string) {
//^^^^^^^^^^^ method Store.constructor
    super();
  }
  /** Changes with a plan. */
  @traced()
  get plan(): Mode {
//    ^^^^ method Store.plan 68-74 doc="Changes with a plan."
    return this.compute(this.file);
//              ^^^^^^^ call
  }
  readonly save = async (): Promise<void> => {
//         ^^^^ method Store.save
    await new Writer(this.file).write(defaults);
  };
  abstract reset(): void;
}

export namespace Deep {
//               ^^^^ module Deep
  export function dive(): void {}
//                ^^^^ function Deep.dive
  declare function float(): void;
//                 ^^^^^ function Deep.float
}

Store.prototype.sum = function () {
//              ^^^ method Store.sum
  return units.total;
};
Store.create = () => new Store("x");
//    ^^^^^^ function Store.create
//                       ^^^^^ call
exports.old = function old() {
//      ^^^ function old
  return load("old");
//       ^^^^ call
};

const handlers = {
  onClose() {
//^^^^^^^ nothing
    close();
  },
};

export default async () => {
//     ^^^^^^^ function default
  const lazy = await import("./lazy.ts");
//                          ^^^^^^^^^^^ import "./lazy.ts"
  lazy.run();
};
