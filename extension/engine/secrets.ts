/**
 * Files that are never indexed whatever the settings say, because a secret in a prompt is a secret given away. Names
 * decide first; a file that looks like code may carry a suspicious name (`credentials.ts` implements something), so
 * for those only the content counts.
 */

/** Folders whose whole content is private. */
const secretFolders = new Set([
  ".ssh",
  ".aws",
  ".gnupg",
  ".gpg",
  ".kube",
  ".azure",
  ".gcloud",
  ".docker",
  ".terraform.d",
]);

/** Names that hold secrets whatever their extension. */
const secretNames = new Set([
  ".npmrc",
  ".yarnrc.yml",
  ".netrc",
  "_netrc",
  ".pypirc",
  ".pgpass",
  ".my.cnf",
  ".htpasswd",
  ".dockercfg",
  ".dockerconfigjson",
  ".git-credentials",
  ".gitconfig",
  ".s3cfg",
  ".boto",
  ".vault-token",
  ".vault_pass",
  "kubeconfig",
  "terraform.rc",
  ".terraformrc",
  "application_default_credentials.json",
  "local.settings.json",
]);

const secretExtensions =
  /\.(?:pem|key|p8|p12|pfx|pkcs12|der|jks|keystore|bks|kdbx?|ppk|asc|gpg|pgp|ovpn|tfstate|tfvars|kubeconfig|keytab|agekey|mobileprovision)(?:\.(?:bak|backup|old|orig|json))?$/;

/** `.env`, `.env.local`, `.envrc`, `prod.env`. */
const environmentFile = /^\.env(?:$|[.\-_]|rc$)|\.env$/;
/** Private keys as ssh-keygen names them; the public halves go with them. */
const sshKey = /^id_(?:rsa|dsa|ecdsa|ed25519|xmss)(?:_sk)?(?:$|[.\-_])/;
/** Suspicious where the file is data, harmless where it is code or prose. */
const suspiciousStem =
  /^(?:.*[.\-_])?(?:credentials?|secrets?|passwords?|service[-_]?account(?:[-_]?key)?|api[-_]?keys?|private[-_]?keys?)(?:[.\-_].*)?$/;

/** Languages whose files set variables rather than implement something. */
const dataLanguages = new Set(["bash"]);

/**
 * Whether the name alone forbids indexing. `path` is relative with `/`; `language` is an id of languages.json, `text`
 * for prose, or null for anything else. Compared without case.
 */
export function isSecretPath(path: string, language: string | null): boolean {
  const segments = path.toLowerCase().split("/");
  const name = segments.at(-1) ?? "";
  if (segments.slice(0, -1).some((segment) => secretFolders.has(segment))) return true;
  if (secretNames.has(name) || environmentFile.test(name) || secretExtensions.test(name)) return true;
  const isCode = language !== null && language !== "text" && !dataLanguages.has(language);
  if (isCode) return false;
  if (sshKey.test(name)) return true;
  const isProse = language === "text" && !name.endsWith(".txt");
  return !isProse && suspiciousStem.test(name);
}

/** Whether a folder of this name is private as a whole. */
export function isSecretFolder(name: string): boolean {
  return secretFolders.has(name.toLowerCase());
}

/**
 * Whether the text contains the body of a private key. A mere mention of the header line, as in a PEM parser, is not a
 * secret: at least 40 characters of base64 must follow it closely.
 */
export function holdsPrivateKey(text: string): boolean {
  if (!text.includes("PRIVATE KEY")) return false;
  return /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,200}?[A-Za-z0-9+/=]{40}/.test(text);
}
