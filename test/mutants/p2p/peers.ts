import { ReferencePeers } from "../../../reference-impl/peers/peers.ts";
import type { Device, Storage } from "../../../spec/roles/handles.ts";
import type { Mutant } from "../mutant.ts";
import { faultyPeers } from "./kit.ts";

/** Faults of the peer-to-peer part. */
export const mutants: readonly Mutant[] = [
  faultyPeers(
    "P2P-05",
    "every way leads through the host bridge",
    (reached) =>
      class extends ReferencePeers {
        protected override walk(provider: Device, client: Device) {
          const way = super.walk(provider, client);
          if (way.common && !way.redirects) reached();
          return { ...way, redirects: true };
        }
      },
  ),
  faultyPeers(
    "P2P-06",
    "the ends are not asked for redirection",
    (reached) =>
      class extends ReferencePeers {
        protected override hasAcsRedirect(device: Device) {
          if (device.traits.acs.length > 0) reached();
          return false;
        }
      },
    { also: ["P2P-23"] },
  ),
  faultyPeers(
    "P2P-07",
    "the mark of bridges that pass only their own is overlooked",
    (reached) =>
      class extends ReferencePeers {
        protected override isListed(host: string | null, same: boolean) {
          const listed = super.isListed(host, true);
          if (listed !== super.isListed(host, same)) reached();
          return listed;
        }
      },
    { also: ["P2P-08"] },
  ),
  faultyPeers(
    "P2P-08",
    "a client that is out of reach does not count",
    (reached) =>
      class extends ReferencePeers {
        override distance(provider: Device, clients: readonly Device[]) {
          const near = clients.filter((client) => super.distance(provider, [client]) >= 0);
          if (near.length < clients.length) reached();
          return super.distance(provider, near);
        }
      },
  ),
  faultyPeers(
    "P2P-09",
    "what was found out outlives the driver",
    (reached) =>
      class extends ReferencePeers {
        override providerGone() {
          reached();
        }
      },
    { also: ["P2P-34"] },
  ),
  faultyPeers(
    "P2P-10",
    "any BAR will do",
    (reached) =>
      class extends ReferencePeers {
        override providerFor(device: Device) {
          if (!this.states.has(device)) return null;
          if (device.traits.bar !== "memory") reached();
          return device;
        }
      },
  ),
  faultyPeers(
    "P2P-23",
    "who shares a root port is next door",
    (reached) =>
      class extends ReferencePeers {
        protected override walk(provider: Device, client: Device) {
          const way = super.walk(provider, client);
          const shared = provider.upstream.at(-1) === client.upstream.at(-1) && provider.upstream.length > 0;
          if (!shared || !way.redirects) return way;
          reached();
          return { ...way, redirects: false };
        }
      },
    { also: ["P2P-06"] },
  ),
  faultyPeers(
    "P2P-34",
    "what hangs below a function counts as one",
    (reached) =>
      class extends ReferencePeers {
        override mapType(provider: Device, client: Device) {
          if (client.traits.function !== "child") return super.mapType(provider, client);
          reached();
          return this.calcMapTypeAndDist(provider, client).type;
        }
      },
  ),
  faultyPeers(
    "P2P-37",
    "a redirection counts as a hop",
    (reached) =>
      class extends ReferencePeers {
        protected override walk(provider: Device, client: Device) {
          const way = super.walk(provider, client);
          if (way.redirects) reached();
          return way.redirects ? { ...way, distance: way.distance + 1 } : way;
        }
      },
  ),
  faultyPeers(
    "P2P-38",
    "a lookup hands out what it comes upon",
    (reached) =>
      class extends ReferencePeers {
        override pageLookup(storage: Storage, optIn: boolean, longTerm: boolean) {
          const errno = super.pageLookup(storage, optIn, longTerm);
          if (errno !== 0) reached();
          return 0;
        }
      },
  ),
];
