import { deviceOf, waysUp, type BridgeSetup } from "../../spec/platform.ts";
import type { MapType } from "../../spec/roles/peers.ts";
import type { State } from "../../spec/state/state.ts";

/** The way between two PCI functions, as the tree has it. */
export interface Way {
  /** The lowest port above both; null where only host bridges join them, and for one and the same function. */
  readonly common: BridgeSetup | null;
  /** It stays below the host bridges. */
  readonly below: boolean;
  /** A function or port of it sends requests up to the root complex. */
  readonly redirected: boolean;
  /** Hops up from both sides. */
  readonly hops: number;
}

/** The way between two functions; a device that is none stands for the function above it. */
export function wayBetween({ platform }: State, provider: string, client: string): Way {
  const [from, to] = [deviceOf(platform, provider), deviceOf(platform, client)];
  const redirects = (nodes: readonly { readonly acs: readonly unknown[] }[]) => nodes.some(({ acs }) => acs.length > 0);
  if (provider === client) return { common: null, below: true, redirected: redirects([from]), hops: 0 };
  const left = waysUp(platform.bridges, from.bus).ports;
  const right = waysUp(platform.bridges, to.bus).ports;
  const common = left.find((port) => right.includes(port));
  if (common === undefined)
    return { common: null, below: false, redirected: false, hops: left.length + right.length + 2 };
  const [up, down] = [left.indexOf(common) + 1, right.indexOf(common) + 1];
  const nodes = [from, ...left.slice(0, up), ...right.slice(0, down), to];
  return { common, below: true, redirected: redirects(nodes), hops: up + down };
}

/** Whether peer traffic may pass the host bridges of two devices. */
export function bridgesPass({ platform }: State, provider: string, client: string): boolean {
  if (platform.cpuGood) return true;
  const hosts = [provider, client].map((name) => waysUp(platform.bridges, deviceOf(platform, name).bus).host);
  const same = hosts[0]?.name === hosts[1]?.name;
  return hosts.every((host) => host?.allow === "listed" || (host?.allow === "sameBridge" && same));
}

/** The type of the way alone, whatever has become of the two devices. */
export function typeOfWay(state: State, provider: string, client: string): MapType {
  const { below, redirected } = wayBetween(state, provider, client);
  if (below && !redirected) return "bus";
  return bridgesPass(state, provider, client) ? "host" : "unsupported";
}

/** Whether there is anything to ask: a client on the bus, a provider whose driver is there, and support for it. */
export function isAskable({ platform, providers }: State, provider: string, client: string): boolean {
  const { function: kind } = deviceOf(platform, client);
  return kind === "pci" && platform.peerSupport && providers.get(provider)?.live === true;
}

/** What the map-type query has to answer. */
export function expectedType(state: State, provider: string, client: string): MapType {
  return isAskable(state, provider, client) ? typeOfWay(state, provider, client) : "unsupported";
}

/** What the distance query has to answer. */
export function expectedDistance(state: State, provider: string, clients: readonly string[]): number {
  if (clients.length === 0 || !state.platform.peerSupport) return -1;
  let sum = 0;
  for (const client of clients) {
    if (deviceOf(state.platform, client).function === "none") return -1;
    if (typeOfWay(state, provider, client) === "unsupported") return -1;
    sum += wayBetween(state, provider, client).hops;
  }
  return sum;
}

/** Two or more ports above: what comes from there passes a switch. */
export function isBehindSwitch({ platform }: State, device: string): boolean {
  return waysUp(platform.bridges, deviceOf(platform, device).bus).ports.length > 1;
}
