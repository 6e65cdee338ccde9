/** How fast the static table makes vectors of units and compares a question with all of them. */
import type { StaticEncoder, StaticVectors } from "../../extension/pipeline/ports.ts";
import { unitRows } from "../../extension/engine/parseRecord.ts";
import { StaticRows } from "../../extension/pipeline/staticRows.ts";
import { scoreStatic } from "../../extension/pipeline/staticScores.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import { quantile } from "./bootstrap.ts";

export interface StaticSpeed {
  /**
   * Vectors of units per second of processor time on one thread: in a process that has just begun, and the best of five
   * rounds with most words met before. Other jobs then count for little.
   */
  readonly unitsPerSecondCold: number;
  readonly unitsPerSecond: number;
  readonly units: number;
  /** Median milliseconds for a question: its vector, and its closeness to every unit. */
  readonly questionMs: number;
  /** The same, and the best units chosen, as ranking does. */
  readonly candidatesMs: number;
}

const unitsCompared = 10_000;
const warmRounds = 5;
/** As ranking asks for them. */
const candidates = { limit: 200, perFile: 3 } as const;

/** With fewer than 10,000 units some are compared several times. Throws RangeError without units or questions. */
export function measureStaticSpeed(
  encoder: StaticEncoder,
  units: readonly Unit[],
  questions: readonly string[],
): StaticSpeed {
  if (units.length === 0 || questions.length === 0) throw new RangeError("nothing to measure with");
  const perSecond = () => {
    const started = process.cpuUsage();
    for (const unit of units) encoder.encodeUnit(unit);
    const { user, system } = process.cpuUsage(started);
    return Math.round((units.length / (user + system)) * 1e6);
  };
  const unitsPerSecondCold = perSecond();
  const unitsPerSecond = Math.max(...Array.from({ length: warmRounds }, perSecond));
  const vectors = vectorsOf(encoder, units);
  const time = (ask: (question: string) => unknown) =>
    quantile(
      questions.map((question) => {
        const begun = performance.now();
        ask(question);
        return performance.now() - begun;
      }),
      0.5,
    );
  return {
    unitsPerSecondCold,
    unitsPerSecond,
    units: unitsCompared,
    questionMs: time((question) => scoreStatic(encoder, vectors, question, "")),
    candidatesMs: time((question) =>
      scoreStatic(encoder, vectors, question, "")?.best(candidates.limit, candidates.perFile),
    ),
  };
}

function vectorsOf(encoder: StaticEncoder, units: readonly Unit[]): StaticVectors {
  const rows = new StaticRows(encoder.dimensions, unitsCompared);
  const files = [...Map.groupBy(units, (unit) => unit.path)];
  let left = unitsCompared;
  for (let round = 0; left > 0; round += 1) {
    for (const [path, ofFile] of files) {
      const taken = ofFile.slice(0, left);
      left -= taken.length;
      // Repeated units count as units of their own.
      rows.addFile(`${round}/${path}`, unitRows(encoder, taken));
    }
  }
  return rows.vectors();
}
