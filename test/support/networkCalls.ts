import dgram from "node:dgram";
import dns from "node:dns";
import net from "node:net";
import { format } from "node:util";

/**
 * Notes a line for every address that this process connects to, sends to or looks up from now on. Pipes are no network.
 * Returns what ends it.
 */
export function watchNetwork(note: (line: string) => void): () => void {
  const undo = [
    before(net.Socket.prototype, "connect", ([first]) => {
      // Node's own callers hand over their arguments as one list.
      const target: unknown = Array.isArray(first) ? first[0] : first;
      const isPipe = typeof target === "string" || (typeof target === "object" && target !== null && "path" in target);
      if (!isPipe) note(oneLine("connect", target));
    }),
    before(dgram.Socket.prototype, "send", (args) => {
      note(oneLine("send", args.slice(1)));
    }),
    before(dns, "lookup", ([name]) => {
      note(oneLine("lookup", name));
    }),
    before(dns.promises, "lookup", ([name]) => {
      note(oneLine("lookup", name));
    }),
  ];
  return () => {
    for (const each of undo) each();
  };
}

/** Puts something in front of a function that stays the same otherwise. Returns what takes it away. */
function before<K extends string>(
  owner: Record<K, (...args: never[]) => unknown>,
  name: K,
  look: (args: readonly unknown[]) => void,
): () => void {
  const original = owner[name];
  owner[name] = function (this: unknown, ...args: never[]): unknown {
    look(args);
    return Reflect.apply(original, this, args);
  };
  return () => {
    owner[name] = original;
  };
}

function oneLine(kind: string, details: unknown): string {
  return `${kind} ${format(details).replaceAll("\n", " ")}`;
}
