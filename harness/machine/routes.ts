import { deviceOf, waysUp, type Platform } from "../../spec/platform.ts";

/** Functions and ports that a peer request passes on the shortest way below the host bridge; null where there is none. */
function directWay(
  platform: Platform,
  from: string,
  to: string,
): readonly { readonly acs: readonly string[] }[] | null {
  const [source, target] = [deviceOf(platform, from), deviceOf(platform, to)];
  if (source.function === "none" || target.function !== "pci") return null;
  if (from === to) return [source];
  const up = waysUp(platform.bridges, source.bus).ports;
  const down = waysUp(platform.bridges, target.bus).ports;
  const common = up.findIndex((port) => down.includes(port));
  if (common < 0) return null;
  return [source, ...up.slice(0, common + 1), ...down.slice(0, down.indexOf(up[common]!)), target];
}

/** Whether an untranslated request with a bus address gets from one function to the other without going up to the root. */
export function routesDirectly(platform: Platform, from: string, to: string): boolean {
  return directWay(platform, from, to)?.every(({ acs }) => acs.length === 0) === true;
}
