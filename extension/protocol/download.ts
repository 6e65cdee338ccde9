/**
 * Between a client and the process that downloads one file: the job as one line of JSON on its standard input, reports as
 * lines of JSON on its standard output. The process may be killed at any time; the same job goes on where it was.
 */
import * as z from "zod/mini";
import { modelRoles } from "./models.ts";
import { isFailureCode } from "./failure.ts";
import type { FailureCode } from "./failure.ts";

const checksum = z.lazy(() => z.readonly(z.object({ algorithm: z.enum(["sha256", "sha512"]), hex: z.string() })));
/** What a file must hash to; the digest in hexadecimal digits, lower case. */
export type Checksum = z.infer<typeof checksum>;

const count = z.int().check(z.minimum(0));
const jobSchema = z.lazy(() =>
  z.readonly(
    z.object({
      /** `https://…`, `http://…`, or an address of the hub as node-llama-cpp reads it: `hf:user/repository:quantisation`. */
      uri: z.string(),
      /** Absolute; created where it is missing. Unfinished parts lie in `.parts` below it. */
      folder: z.string(),
      /** A GGUF model, or an npm package that is unpacked. */
      kind: z.enum(["model", "package"]),
      checksum: z.nullable(checksum),
      /** What a finished model is used for; null: nothing yet. */
      role: z.nullable(z.enum(modelRoles)),
      /** Nothing arrives for so long: the connection is given up and tried again. */
      stallMs: z.int().check(z.minimum(1)),
    }),
  ),
);
export type DownloadJob = z.infer<typeof jobSchema>;

/** Who vouches for a finished file: the catalogue's or npm's checksum, the server's, or nobody. */
export const checkedAgainst = ["published", "server", "nothing"] as const;
export type CheckedAgainst = (typeof checkedAgainst)[number];

const failureCode = z.custom<FailureCode>(isFailureCode);
const reportSchema = z.lazy(() =>
  z.readonly(
    z.discriminatedUnion("type", [
      /** `bytesTotal` 0: the server does not say. */
      z.object({ type: z.literal("progress"), fileName: z.string(), bytesDone: count, bytesTotal: count }),
      /** All bytes are there; their checksum is computed. */
      z.object({ type: z.literal("checking"), fileName: z.string(), bytesTotal: count }),
      z.object({
        type: z.literal("done"),
        /** Absolute path; of the first part where a model is split, of the folder where a package was unpacked. */
        file: z.string(),
        bytesTotal: count,
        /** Of the file; empty for split models. */
        sha256: z.string(),
        checkedAgainst: z.enum(checkedAgainst),
      }),
      z.object({ type: z.literal("failed"), code: failureCode, detail: z.string() }),
    ]),
  ),
);
export type DownloadReport = z.infer<typeof reportSchema>;

/** Kept beside an unfinished part, so that it can go on after the window or the machine was closed. */
const partSchema = z.lazy(() => z.readonly(z.object({ job: jobSchema, fileName: z.string(), bytesTotal: count })));
export type DownloadPart = z.infer<typeof partSchema>;

export const partsFolderName = ".parts";
/** Describes the part in whose folder it lies. */
export const partFileName = "part.json";

export function parseJob(text: string): DownloadJob {
  return jobSchema.parse(JSON.parse(text));
}

/** A line of the process's standard output, or null where it is none of its reports. */
export function parseReport(line: string): DownloadReport | null {
  const parsed = reportSchema.safeParse(jsonOf(line));
  return parsed.success ? parsed.data : null;
}

/** What lies beside an unfinished part, or null where it is damaged. */
export function parsePart(text: string): DownloadPart | null {
  const parsed = partSchema.safeParse(jsonOf(text));
  return parsed.success ? parsed.data : null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
