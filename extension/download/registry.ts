import registryUrl from "registry-url";
import * as z from "zod";
import { Failure } from "../protocol/failure.ts";

/**
 * Address of a package's archive, for `npm:name@version`, at npm's registry or that of the person's .npmrc. Fails with
 * downloadAddressInvalid or downloadMissing.
 */
export async function packageAddress(uri: string): Promise<string> {
  const [, name, version] = /^npm:((?:@[\w.-]+\/)?[\w.-]+)@(\d+\.\d+\.\d+)$/.exec(uri) ?? [];
  if (name === undefined || version === undefined) throw new Failure("downloadAddressInvalid", uri);
  const scope = name.startsWith("@") ? name.slice(0, name.indexOf("/")) : undefined;
  const response = await fetch(`${registryUrl(scope)}${name.replace("/", "%2f")}/${version}`);
  const parsed = versionSchema.safeParse(await response.json());
  if (!parsed.success) throw new Failure("downloadMissing", `${name}@${version}`);
  return parsed.data.dist.tarball;
}

const versionSchema = z.object({ dist: z.object({ tarball: z.url({ protocol: /^https?$/ }) }) });
