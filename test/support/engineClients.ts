import assert from "node:assert/strict";
import { setTimeout as later } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { EngineClient, EngineState } from "../../extension/client/engineClient.ts";
import { Failure } from "../../extension/protocol/failure.ts";

/** Arguments of Node that run the engine from its sources. */
export const engineArguments: readonly string[] = [
  "--disable-warning=ExperimentalWarning",
  fileURLToPath(new URL("../../extension/engine/main.ts", import.meta.url)),
];

/** The Failure that a promise rejects with; fails where it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const thrown: unknown = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof Failure, `not a Failure: ${String(thrown)}`);
  return thrown;
}

/** The next time that the client gets into a state. */
export function stateOf<K extends EngineState["kind"]>(
  client: EngineClient,
  kind: K,
): Promise<EngineState & { kind: K }> {
  return new Promise((resolve) => {
    client.onStateChanged((state) => {
      if (state.kind === kind) resolve(state as EngineState & { kind: K });
    });
  });
}

/** Process id of a client's engine, which must be ready. */
export function pidOf(client: EngineClient): number {
  assert.ok(client.state.kind === "ready");
  return client.state.pid;
}

/** Resolves when no process of this id exists; looks again and again, since only a parent is told. */
export async function processEnd(pid: number): Promise<void> {
  while (processExists(pid)) await later(20);
}

export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error && error.code === "ESRCH");
    return false;
  }
}
