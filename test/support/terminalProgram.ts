import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../extension/cli/main.ts", import.meta.url));

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Called with the child as soon as it runs, e.g. to send it signals. */
  readonly onChild?: (child: ChildProcess) => void;
  /** Called with all of standard output so far. */
  readonly onStdout?: (text: string, child: ChildProcess) => void;
}

/** Runs the terminal program from its sources under this Node, to its end. */
export function runPrecis(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      options.onStdout?.(stdout, child);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code, stdout, stderr });
    });
    options.onChild?.(child);
  });
}

/** A small repository in two languages, about HTTP requests that are tried again and a cache of their answers. */
export async function writeExampleRepository(folder: string): Promise<void> {
  for (const [path, text] of Object.entries(exampleFiles)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

export const exampleFiles: Readonly<Record<string, string>> = {
  "src/retry.ts": `import { sleepMs } from "./clock.ts";

/** How often and how long a request is tried again. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly firstDelayMs: number;
}

/** Tries a request until it succeeds, waiting twice as long before each further attempt. */
export async function withRetries<T>(request: () => Promise<T>, policy: RetryPolicy): Promise<T> {
  let delayMs = policy.firstDelayMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      if (attempt >= policy.attempts) throw error;
      await sleepMs(delayMs);
      delayMs *= 2;
    }
  }
}
`,
  "src/clock.ts": `/** Resolves after some time. */
export function sleepMs(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
`,
  "src/client.ts": `import { withRetries } from "./retry.ts";
import type { RetryPolicy } from "./retry.ts";

/** Talks HTTP to one server. */
export class HttpClient {
  readonly #baseUrl: string;
  readonly #policy: RetryPolicy;

  constructor(baseUrl: string, policy: RetryPolicy) {
    this.#baseUrl = baseUrl;
    this.#policy = policy;
  }

  /** Fetches a path as JSON, trying again when the network fails. */
  async getJson(path: string): Promise<unknown> {
    const response = await withRetries(() => fetch(this.#baseUrl + path), this.#policy);
    return response.json();
  }
}
`,
  "tools/cache.py": `"""An answer cache that forgets what was not used for the longest time."""

from collections import OrderedDict


class AnswerCache:
    """Keeps the answers of the last requests."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.entries = OrderedDict()

    def lookup(self, key):
        """Return the cached answer, or None where it was evicted or never stored."""
        if key not in self.entries:
            return None
        self.entries.move_to_end(key)
        return self.entries[key]

    def store(self, key, answer):
        """Store an answer and evict the entry that was least recently used."""
        self.entries[key] = answer
        self.entries.move_to_end(key)
        if len(self.entries) > self.capacity:
            self.entries.popitem(last=False)
`,
  "README.md": "# Example\n\nFetches JSON over HTTP, tries again on failure, and caches answers.\n",
};
