import type { Errno } from "../../spec/errno.ts";
import { EINVAL, EOPNOTSUPP, EREMOTEIO } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Device, Storage } from "../../spec/roles/handles.ts";
import type { MapType, PeerFramework } from "../../spec/roles/peers.ts";

/** `struct pci_p2pdma`: what a driver's init leaves on its device. */
class PeerState {
  /** `map_types`, by the client's place on the bus. */
  readonly types = new Map<Device, MapType>();
}

/** `drivers/pci/p2pdma.c`. */
export class ReferencePeers implements PeerFramework {
  protected readonly env: Env;
  protected readonly states = new Map<Device, PeerState>();

  constructor(env: Env) {
    this.env = env;
  }

  /** `pcim_p2pdma_init`. */
  providerInit(device: Device): Errno {
    const { bar, function: kind } = device.traits;
    if (!this.tree.peerSupport || kind !== "pci" || bar === "unmappable") return EOPNOTSUPP;
    if (!this.states.has(device)) this.states.set(device, new PeerState());
    return 0;
  }

  /** `pcim_p2pdma_provider`: only a memory BAR has one. */
  providerFor(device: Device): Device | null {
    return this.states.has(device) && device.traits.bar === "memory" ? device : null;
  }

  /** `pci_p2pdma_release`. */
  providerGone(device: Device): void {
    this.states.delete(device);
  }

  /** `pci_p2pdma_map_type`. */
  mapType(provider: Device, client: Device): MapType {
    const state = this.states.get(provider);
    if (state === undefined || client.traits.function !== "pci") return "unsupported";
    return state.types.get(client) ?? this.calcMapTypeAndDist(provider, client).type;
  }

  /** `pci_p2pdma_distance_many`. A client that is no PCI function stands for the one it hangs below. */
  distance(provider: Device, clients: readonly Device[]): number {
    if (!this.tree.peerSupport || clients.length === 0) return -1;
    let sum = 0;
    let supported = true;
    for (const client of clients) {
      if (client.traits.function === "none") return -1;
      const { type, distance } = this.calcMapTypeAndDist(provider, client);
      if (type === "unsupported") supported = false;
      sum += distance;
    }
    return supported ? sum : -1;
  }

  /** `try_grab_folio` of `mm/gup.c`, `check_vma_flags`. */
  pageLookup(storage: Storage, optIn: boolean, longTerm: boolean): Errno {
    // FOLL_PCI_P2PDMA and FOLL_LONGTERM exclude each other, whatever the lookup comes upon.
    if (optIn && longTerm) return EINVAL;
    return storage.owner !== null && !optIn ? EREMOTEIO : 0;
  }

  protected get tree(): ReturnType<Env["pciTree"]> {
    return this.env.pciTree();
  }

  /** `calc_map_type_and_dist`. What it finds is remembered, also over what was there. */
  protected calcMapTypeAndDist(
    provider: Device,
    client: Device,
  ): { readonly type: MapType; readonly distance: number } {
    const { distance, common, redirects } = this.walk(provider, client);
    let type: MapType = "bus";
    if (!common || redirects) type = this.throughHostBridge(provider, client) ? "host" : "unsupported";
    this.states.get(provider)?.types.set(client, type);
    return { type, distance };
  }

  /** Up from both sides to the common bridge, or to both ends. */
  protected walk(
    provider: Device,
    client: Device,
  ): { readonly distance: number; readonly common: boolean; readonly redirects: boolean } {
    if (provider === client) return { distance: 0, common: true, redirects: this.hasAcsRedirect(provider) };
    const ports = new Map(this.tree.bridges.map((bridge) => [bridge.name, bridge]));
    let redirects = this.hasAcsRedirect(provider);
    for (const [up, name] of provider.upstream.entries()) {
      const a = ports.get(name)!;
      redirects ||= a.acs.length > 0;
      const down = client.upstream.indexOf(name);
      if (down < 0) continue;
      redirects ||= this.hasAcsRedirect(client);
      for (const below of client.upstream.slice(0, down)) redirects ||= ports.get(below)!.acs.length > 0;
      return { distance: up + 1 + down + 1, common: true, redirects };
    }
    return { distance: provider.upstream.length + client.upstream.length + 2, common: false, redirects };
  }

  /** `pci_bridge_has_acs_redir`: any of the three bits. */
  protected hasAcsRedirect(device: Device): boolean {
    return device.traits.acs.length > 0;
  }

  /** `cpu_supports_p2pdma`, `host_bridge_whitelist`. */
  protected throughHostBridge(provider: Device, client: Device): boolean {
    const { cpuGood } = this.tree;
    if (cpuGood) return true;
    const [a, b] = [this.hostOf(provider), this.hostOf(client)];
    if (a === b) return this.isListed(a, true);
    return this.isListed(a, false) && this.isListed(b, false);
  }

  /** `__host_bridge_whitelist`. */
  protected isListed(host: string | null, same: boolean): boolean {
    const allow = this.tree.bridges.find((bridge) => bridge.name === host)?.allow ?? "no";
    return allow === "listed" || (allow === "sameBridge" && same);
  }

  /** `pci_find_host_bridge`. */
  protected hostOf(device: Device): string | null {
    const top = device.upstream.at(-1);
    return top === undefined ? device.traits.bus : (this.tree.bridges.find(({ name }) => name === top)?.parent ?? null);
  }
}
