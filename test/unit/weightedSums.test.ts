import assert from "node:assert/strict";
import { test } from "node:test";
import { VectorSlots } from "../../extension/pipeline/weightedSums.ts";

/** Node has it, but the language's own types do not. */
const webAssembly = Reflect.get(globalThis, "WebAssembly") as { validate: (program: Uint8Array) => boolean };

for (const way of ["with", "without"] as const) {
  for (const dimensions of [1, 2, 4, 7, 256]) {
    test(`sums of ${dimensions} numbers ${way} vector instructions`, (context) => {
      if (way === "without") context.mock.method(webAssembly, "validate", () => false);
      const slots = new VectorSlots(dimensions, 40, 3);
      const valueOf = (slot: number, d: number) => ((slot * 31 + d * 17) % 23) - 11;
      for (let slot = 0; slot < 40; slot += 1) {
        assert.deepEqual(slots.vector(slot), new Float32Array(dimensions));
        slots.vector(slot).set(Float32Array.from({ length: dimensions }, (_, d) => valueOf(slot, d)));
      }
      slots.add(0, 0.5);
      slots.add(39, -2);
      slots.add(20, 1);
      const expected = Float32Array.from(
        { length: dimensions },
        (_, d) => 0.5 * valueOf(0, d) - 2 * valueOf(39, d) + valueOf(20, d),
      );
      const sum = slots.sum();
      assert.deepEqual(sum, expected);
      assert.deepEqual(slots.sum(), new Float32Array(dimensions), "each sum begins anew");
      slots.add(7, 1);
      slots.sum();
      assert.deepEqual(sum, expected, "a sum stays as it was");
    });
  }
}
