import { readFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod/mini";
import { modelRoles } from "../protocol/models.ts";
import type { ModelRole } from "../protocol/models.ts";

const count = z.int().check(z.minimum(1));
const entrySchema = z.lazy(() =>
  z.readonly(
    z.strictObject({
      id: z.string().check(z.regex(/^[a-z0-9][a-z0-9.-]*$/)),
      name: z.string().check(z.minLength(1)),
      roles: z.readonly(z.array(z.enum(modelRoles)).check(z.minLength(1))),
      /** SPDX identifier; `LicenseRef-…` for licences that SPDX does not list. */
      licence: z.string().check(z.regex(/^[A-Za-z0-9.-]+$/)),
      licenceUrl: z.httpUrl(),
      /** As node-llama-cpp reads it: `hf:user/repository:quantisation` or `hf:user/repository/file.gguf`. */
      uri: z.string().check(z.regex(/^hf:[\w.-]+\/[\w.-]+(?::[\w]+|(?:\/[\w.-]+)+\.gguf)$/)),
      bytes: count,
      /** False where the size is rounded, as model cards give it. */
      bytesAreExact: z.boolean(),
      /** Of the file, where it is known for sure. */
      sha256: z.exactOptional(z.string().check(z.regex(/^[0-9a-f]{64}$/))),
      parameters: count,
      contextTokens: count,
      layers: count,
      embedding: count,
      kvHeads: count,
      headSize: count,
      valueHeadSize: z.exactOptional(count),
      vocabulary: count,
    }),
  ),
);
/** A model that can be downloaded; also its `ModelShape`. */
export type CatalogueEntry = z.infer<typeof entrySchema>;

const catalogueSchema = z.lazy(() =>
  z.strictObject({ models: z.readonly(z.array(entrySchema).check(z.minLength(1))) }),
);

/** The curated list of models, models/catalogue.json below Precis' package folder, smallest first. Rejects where it is damaged. */
export async function readCatalogue(root: string): Promise<readonly CatalogueEntry[]> {
  const text = await readFile(path.join(root, "models", "catalogue.json"), "utf8");
  const { models } = catalogueSchema.parse(JSON.parse(text));
  return models.toSorted((a, b) => a.parameters - b.parameters || a.bytes - b.bytes);
}

/** SPDX marks licences that it does not list; that says nothing to a person. */
export function licenceName({ licence }: Pick<CatalogueEntry, "licence">): string {
  return licence.replace(/^LicenseRef-/, "");
}

export function entriesFor(role: ModelRole, entries: readonly CatalogueEntry[]): readonly CatalogueEntry[] {
  return entries.filter(({ roles }) => roles.includes(role));
}
