import type { PeerEvent } from "../../platform-event.ts";
import type { State } from "../state.ts";

/** A call of the peer-to-peer part. */
export function observePeer(state: State, event: PeerEvent): void {
  switch (event.op) {
    case "providerInit":
      if (event.errno === 0) state.providers.set(event.provider, { live: true, asked: [] });
      return;
    case "providerGone": {
      const row = state.providers.get(event.provider);
      if (row !== undefined) row.live = false;
      return;
    }
    case "mapType":
    case "distance": {
      // The distance can be asked for although no driver has made its BAR known.
      const row = state.providers.get(event.provider) ?? { live: false, asked: [] };
      state.providers.set(event.provider, row);
      for (const client of event.clients) if (!row.asked.includes(client)) row.asked.push(client);
      return;
    }
    case "providerFor":
    case "pageLookup":
      return;
  }
}
