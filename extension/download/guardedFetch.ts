/**
 * `fetch` for a download. node-llama-cpp's downloader tries again for many minutes, waits for ever for a silent server,
 * and takes any page for the file; it has no options for that, but it calls the global `fetch`. So the process that
 * downloads puts this one in its place.
 */
import { Failure } from "../protocol/failure.ts";

export interface FetchLimits {
  /** A connection on which nothing arrives for so long is closed. */
  readonly stallMs: number;
  /** Failed tries in a row before the first byte, and after it; several connections fail at once. */
  readonly firstTries: number;
  readonly laterTries: number;
}

export const defaultLimits: Omit<FetchLimits, "stallMs"> = { firstTries: 3, laterTries: 9 };

/** Bytes after which a connection counts as working again. */
const progressBytes = 64 * 1024;
const redirectsMax = 10;
/** A server that wants to be left alone for longer is not waited for. */
const retryAfterMaxSeconds = 30;
/** Statuses that may be different the next time. */
const passingStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

export class GuardedFetch {
  /** Rejects with a Failure once there is no point in going on. Never resolves. */
  readonly failed: Promise<never>;
  readonly #limits: FetchLimits;
  readonly #fail: (failure: Failure) => void;
  #tries = 0;
  #bytesSinceFailure = 0;
  #hasBytes = false;
  #version = "";
  #last: Failure | null = null;
  #sha256: string | null = null;

  constructor(limits: FetchLimits) {
    this.#limits = limits;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.#fail = reject;
    // Whoever downloads races against it; between two races nobody may be listening.
    promise.catch(() => undefined);
  }

  /** What tells the last content from another one under the same address; empty where the server does not say. */
  get version(): string {
    return this.#sha256 ?? this.#version;
  }

  /** The checksum that the hub gives along for large files; null elsewhere. */
  get serverSha256(): string | null {
    return this.#sha256;
  }

  /** Why the last try failed, where one did: libraries wrap that in errors of their own. */
  get lastFailure(): Failure | null {
    return this.#last;
  }

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const stall = new StallTimer(this.#limits.stallMs);
    const signals = [stall.signal, ...(init.signal === undefined || init.signal === null ? [] : [init.signal])];
    try {
      const request = { ...init, redirect: "manual" as const, signal: AbortSignal.any(signals) };
      const { response, url } = await this.#follow(addressOf(input), request, stall);
      this.#checkStatus(response, url);
      return this.#guarded(response, url, stall);
    } catch (error) {
      stall.stop();
      throw this.#struck(error);
    }
  };

  /** Follows redirects by itself: the hub names the file's checksum only beside them. */
  async #follow(
    start: URL,
    request: RequestInit,
    stall: StallTimer,
  ): Promise<{ readonly response: Response; readonly url: URL }> {
    let url = start;
    const headers = new Headers(request.headers);
    // The downloader would send the hub's token that happens to lie on this machine; nobody was asked for it.
    headers.delete("authorization");
    for (let redirects = 0; redirects <= redirectsMax; redirects += 1) {
      const response = await stall.watch(realFetch(url, { ...request, headers }));
      this.#sha256 ??= linkedSha256(response.headers);
      const location = response.headers.get("location");
      if (response.status < 300 || response.status >= 400 || location === null) return { response, url };
      await response.body?.cancel();
      const next = new URL(location, url);
      if (url.protocol === "https:" && next.protocol !== "https:") {
        throw new Failure("downloadServerFailed", `${url.host} redirects to an address that is not encrypted`);
      }
      url = next;
    }
    throw new Failure("downloadServerFailed", `${start.host} redirects in a circle`);
  }

  #checkStatus(response: Response, { host }: URL): void {
    const { status } = response;
    const said = `${host} answered ${status}${response.statusText === "" ? "" : ` ${response.statusText}`}`;
    if (status >= 500 || passingStatuses.has(status)) {
      const seconds = Number(response.headers.get("retry-after") ?? 0);
      if (seconds > retryAfterMaxSeconds) throw new Failure("downloadServerFailed", `${said}, for ${seconds} s`);
      throw new PassingError("downloadServerFailed", said);
    }
    // The hub answers 400 where a repository has no file of that quantisation.
    if (status === 400 || status === 404 || status === 410) throw new Failure("downloadMissing", said);
    if (status === 401 || status === 403 || status === 407) throw new Failure("downloadRefused", said);
    if (status >= 400 || (status >= 300 && status < 400)) throw new Failure("downloadServerFailed", said);
    if ((response.headers.get("content-type") ?? "").startsWith("text/html")) {
      throw new Failure("downloadNotModel", `${host} sent a web page`);
    }
    // The last one counts: before the file there may be a page that only says where it is.
    this.#version = response.headers.get("etag") ?? response.headers.get("last-modified") ?? "";
  }

  /** The response with a body that is read no faster than asked for, and that counts, and ends when it stands still. */
  #guarded(response: Response, url: URL, stall: StallTimer): Response {
    const body: ReadableStream<Uint8Array> | null = response.body;
    if (body === null) return response;
    const reader = body.getReader();
    const canGoOn = response.status === 206 || response.headers.get("accept-ranges") === "bytes";
    let bytes = 0;
    const guarded = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            const { done, value } = await stall.watch(reader.read());
            if (done) {
              controller.close();
              return;
            }
            bytes += value.length;
            this.#arrived(value.length);
            controller.enqueue(value);
          } catch (error) {
            stall.stop();
            // Without ranges the downloader would write the second try behind the first.
            const broken = new Failure("downloadBroken", `the connection to ${url.host} broke off`);
            controller.error(this.#struck(bytes > 0 && !canGoOn ? broken : error));
          }
        },
        cancel: async (reason) => {
          stall.stop();
          await reader.cancel(reason);
        },
      },
      // Only what is asked for: nobody reads the body of a request that was made for its headers.
      { highWaterMark: 0 },
    );
    const { status, statusText, headers } = response;
    const wrapped = new Response(guarded, { status, statusText, headers });
    Object.defineProperty(wrapped, "url", { value: url.href });
    return wrapped;
  }

  #arrived(bytes: number): void {
    this.#hasBytes = true;
    this.#bytesSinceFailure += bytes;
    if (this.#bytesSinceFailure >= progressBytes) this.#tries = 0;
  }

  /** Counts a failed try; what it returns is thrown at the downloader, which tries again unless all is given up. */
  #struck(error: unknown): Error {
    if (error instanceof Error && error.name === "AbortError") return error;
    this.#bytesSinceFailure = 0;
    if (error instanceof Failure) {
      this.#fail(error);
      return error;
    }
    const passing = error instanceof PassingError ? error : new PassingError("downloadUnreachable", reasonOf(error));
    this.#last = passing.failure();
    this.#tries += 1;
    const { firstTries, laterTries } = this.#limits;
    if (this.#tries >= (this.#hasBytes ? laterTries : firstTries)) this.#fail(this.#last);
    return passing;
  }
}

const realFetch = globalThis.fetch;

/** Something that may go better the next time. */
class PassingError extends Error {
  readonly #code: "downloadServerFailed" | "downloadUnreachable" | "downloadStalled";

  constructor(code: "downloadServerFailed" | "downloadUnreachable" | "downloadStalled", detail: string) {
    super(detail);
    this.#code = code;
  }

  failure(): Failure {
    return new Failure(this.#code, this.message);
  }
}

/** Aborts a request of which nothing comes. */
class StallTimer {
  readonly #abort = new AbortController();
  readonly #stallMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(stallMs: number) {
    this.#stallMs = stallMs;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The same promise, which rejects when it does not settle in time. */
  async watch<T>(promise: Promise<T>): Promise<T> {
    this.#timer = setTimeout(() => {
      const seconds = this.#stallMs / 1000;
      this.#abort.abort(new PassingError("downloadStalled", `nothing came for ${seconds} s`));
    }, this.#stallMs);
    try {
      return await promise;
    } finally {
      this.stop();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function addressOf(input: string | URL | Request): URL {
  return new URL(input instanceof Request ? input.url : input);
}

function linkedSha256(headers: Headers): string | null {
  return /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(headers.get("x-linked-etag") ?? "")?.[1] ?? null;
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}
