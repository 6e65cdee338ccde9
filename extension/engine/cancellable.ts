import type { NativeContext } from "../../native/addon.ts";
import { Failure } from "../protocol/failure.ts";

/** Runs one operation of a context; an abort of the signal ends it. Rejects as the operation does. */
export async function whileCancellable<T>(
  context: NativeContext,
  signal: AbortSignal | undefined,
  operation: () => Promise<T>,
): Promise<T> {
  throwIfCancelled(signal);
  const cancel = (): void => {
    context.cancel();
  };
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await operation();
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

/** Throws `Failure` cancelled once the signal is aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new Failure("cancelled");
}
