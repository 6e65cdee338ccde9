import * as vscode from "vscode";
import type { ProxySettings } from "../client/proxyEnvironment.ts";

/** VS Code's own settings about proxies and certificates. */
export function readProxySettings(): ProxySettings {
  const http = vscode.workspace.getConfiguration("http");
  return {
    proxy: http.get<string>("proxy", "").trim(),
    noProxy: http.get<readonly string[]>("noProxy", []),
    isOff: http.get<string>("proxySupport") === "off",
    strictSsl: http.get<boolean>("proxyStrictSSL", true),
    systemCertificates: http.get<boolean>("systemCertificates", true),
  };
}
