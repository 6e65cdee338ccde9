/** What VS Code's settings say about the way to the network. */
export interface ProxySettings {
  /** `http.proxy`; empty: as the environment says. */
  readonly proxy: string;
  /** `http.noProxy`: hosts that are reached directly. */
  readonly noProxy: readonly string[];
  /** `http.proxySupport` is `off`. */
  readonly isOff: boolean;
  /** `http.proxyStrictSSL`. */
  readonly strictSsl: boolean;
  /** `http.systemCertificates`. */
  readonly systemCertificates: boolean;
}

export const noProxySettings: ProxySettings = {
  proxy: "",
  noProxy: [],
  isOff: false,
  strictSsl: true,
  systemCertificates: true,
};

const proxyNames = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"];

/** The environment of a process whose `fetch` obeys them: Node reads proxies from there, when it is told to. */
export function proxyEnvironment(env: NodeJS.ProcessEnv, settings: ProxySettings): NodeJS.ProcessEnv {
  const isOwn = settings.isOff || settings.proxy !== "";
  const kept = Object.entries(env).filter(([name]) => !(isOwn && proxyNames.includes(name)));
  const result: NodeJS.ProcessEnv = { ...Object.fromEntries(kept), NODE_USE_ENV_PROXY: "1" };
  // A certificate that the system trusts, as those of companies, is trusted here too.
  if (settings.systemCertificates) result["NODE_USE_SYSTEM_CA"] = "1";
  if (!settings.strictSsl) result["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  if (settings.isOff) return result;
  if (settings.proxy !== "") {
    result["HTTP_PROXY"] = settings.proxy;
    result["HTTPS_PROXY"] = settings.proxy;
  }
  if (settings.noProxy.length > 0) {
    delete result["no_proxy"];
    result["NO_PROXY"] = settings.noProxy.join(",");
  }
  return result;
}
