import type { PeerEvent } from "../../spec/platform-event.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import { questions } from "./situations.ts";
import { bridgesPass, expectedDistance, isAskable, wayBetween, type Way } from "./topology.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { kernel, doc, thread } from "../source.ts";

/** A question for the way between two functions, where there is an answer. */
function questionOf(
  event: PeerEvent,
  state: State,
): { readonly client: string; readonly way: Way; readonly words: string } | undefined {
  const client = event.clients[0];
  if (event.op !== "mapType" || client === undefined || !isAskable(state, event.provider, client)) return undefined;
  const words = `the way of ${client} to the memory of ${event.provider}`;
  return { client, way: wayBetween(state, event.provider, client), words };
}

function forget(answers: Map<string, PeerEvent>, provider: string): void {
  for (const key of answers.keys()) if (key === provider || key.startsWith(`${provider} `)) answers.delete(key);
}

export const p2p05: Rule = {
  id: "P2P-05",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Two functions that meet at a common upstream bridge, share a device or are one and the same are classed BUS when nothing on their path redirects.",
  intent: "Sending such a pair through the host bridge gives up the direct route that peer access was built for.",
  sources: [
    kernel("drivers/pci/p2pdma.c", "calc_map_type_and_dist", "6.12, 7.2"),
    doc("Documentation/driver-api/pci/p2pdma.rst", "routing inside one hierarchy", "7.2"),
  ],
  needs: ["peer2peer"],
  hints: ["Does the walk find the lowest common bridge, also for one function or two functions of one device?"],
  status: checked,
  monitor: on({
    peer(event, state, verdict) {
      const asked = questionOf(event, state);
      if (asked === undefined || !asked.way.below || asked.way.redirected) return;
      verdict.exercised();
      if (event.type !== "bus")
        verdict.violated(`${asked.words} is ${event.type ?? "?"}, though nothing on it redirects`);
    },
  }),
  situation: questions,
};

export const p2p06: Rule = {
  id: "P2P-06",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "One set ACS bit of three (redirect of requests, redirect of completions, egress control) in any function of the path, both ends and the common bridge included, rules out BUS.",
  intent: "A redirected request climbs to the root port, where a raw bus address means something else.",
  sources: [
    kernel("drivers/pci/p2pdma.c", "pci_bridge_has_acs_redir", "6.12, 7.2"),
    thread("001", "ACS upstream redirect sends untranslated traffic to the root port"),
  ],
  needs: ["peer2peer"],
  hints: [
    "Are all three ACS bits read?",
    "Are the end functions and the common bridge examined, not only the bridges between?",
  ],
  status: checked,
  monitor: on({
    peer(event, state, verdict) {
      const asked = questionOf(event, state);
      if (asked === undefined || !asked.way.below || !asked.way.redirected) return;
      verdict.exercised();
      if (event.type === "bus") verdict.violated(`${asked.words} is bus, though a function on it redirects`);
    },
  }),
  situation: questions,
};

export const p2p07: Rule = {
  id: "P2P-07",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A path across host bridges is HOST only if the CPU family is known good or every bridge on it is listed, and two different bridges must both be free of the same-bridge-only mark.",
  intent: "Many root complexes drop or corrupt traffic between ports, and nothing on the bus reports it.",
  sources: [
    kernel("drivers/pci/p2pdma.c", "cpu_supports_p2pdma", "6.12, 7.2"),
    kernel("drivers/pci/p2pdma.c", "host_bridge_whitelist", "6.12, 7.2"),
  ],
  needs: ["peer2peer"],
  hints: [
    "Is the same-bridge-only mark looked at when the two bridges differ?",
    "What happens on a root bus whose first device slot is empty?",
  ],
  status: checked,
  monitor: on({
    peer(event, state, verdict) {
      const asked = questionOf(event, state);
      if (asked === undefined || (asked.way.below && !asked.way.redirected)) return;
      verdict.exercised();
      const passes = bridgesPass(state, event.provider, asked.client);
      if (event.type === "host" && !passes)
        verdict.violated(`${asked.words} is host, though a bridge on it is not known to pass it`);
      if (event.type === "unsupported" && passes)
        verdict.violated(`${asked.words} is unsupported, though the bridges on it pass it`);
    },
  }),
  situation: questions,
};

export const p2p08: Rule = {
  id: "P2P-08",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A distance over several clients is their sum if each is compatible, and -1 if the list is empty, one client is incompatible or one neither is a PCI device nor has one above it.",
  intent: "A provider chosen by a sum that hides one unreachable client breaks exactly that client later.",
  sources: [kernel("drivers/pci/p2pdma.c", "pci_p2pdma_distance_many", "6.12, 7.2")],
  needs: ["peer2peer"],
  hints: ["Does the loop stop at the first bad client with -1?", "Is an empty list answered with -1, not 0?"],
  status: checked,
  monitor: on({
    peer(event, state, verdict) {
      if (event.op !== "distance") return;
      verdict.exercised();
      const right = expectedDistance(state, event.provider, event.clients);
      const many = event.clients.length !== 1;
      if (event.result !== right && (many || event.result < 0 || right < 0))
        verdict.violated(
          `the distance of ${event.clients.join(", ") || "nobody"} from ${event.provider} is said to be ${event.result}; it is ${right}`,
        );
    },
  }),
  situation: questions,
};

export const p2p09: Rule = {
  id: "P2P-09",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Repeated map-type queries for a pair give one answer while the provider's driver is bound and the client keeps its bus address; after the unbind the answer is UNSUPPORTED.",
  intent: "Map and unmap that see different types leave DMA entries behind or remove ones they never made.",
  sources: [
    kernel("drivers/pci/p2pdma.c", "pci_p2pdma_map_type", "6.12, 7.2"),
    kernel("drivers/pci/p2pdma.c", "pci_p2pdma_release", "6.12, 7.2"),
  ],
  needs: ["peer2peer"],
  hints: [
    "Is the cache keyed by domain, bus and function of the client?",
    "Is the cache dropped when the provider unbinds?",
  ],
  status: checked,
  monitor: remember(() => new Map<string, PeerEvent>(), {
    peer(event, _state, verdict, answers) {
      if (event.op === "providerInit" && event.errno === 0) forget(answers, event.provider);
      if (event.op === "providerGone") {
        forget(answers, event.provider);
        answers.set(event.provider, event);
      }
      if (event.op !== "mapType") return;
      const gone = answers.get(event.provider);
      const key = `${event.provider} ${event.clients.join()}`;
      const known = answers.get(key);
      if (gone === undefined && known === undefined) {
        answers.set(key, event);
        return;
      }
      verdict.exercised();
      const right = gone === undefined ? (known?.type ?? null) : "unsupported";
      if (event.type !== right)
        verdict.violated(
          `the way of ${event.clients.join()} to ${event.provider} is ${event.type ?? "?"} now; it has to be ${right ?? "?"}`,
          gone ?? known,
        );
    },
  }),
  situation: questions,
};

export const p2p23: Rule = {
  id: "P2P-23",
  level: "MUST",
  obliged: ["framework"],
  statement: "The topology model accepts HOST for two devices below a single root port.",
  intent: "Some systems send even such traffic out to a separate SMMU and back in by way of system memory addresses.",
  sources: [thread("001", "Arm root ports that hand peer traffic to an external SMMU")],
  needs: ["peer2peer"],
  hints: ["Does any code conclude BUS from a shared root port alone?"],
  status: checked,
  monitor: on({
    peer(event, state, verdict) {
      const asked = questionOf(event, state);
      const common = asked?.way.common ?? null;
      if (asked === undefined || common === null || !asked.way.redirected) return;
      const above = common.parent === null ? undefined : state.platform.bridges[common.parent];
      if (above?.parent !== null || !bridgesPass(state, event.provider, asked.client)) return;
      verdict.exercised();
      if (event.type !== "host")
        verdict.violated(
          `${asked.words} leaves their root port and comes back by way of the host bridge, but is called ${event.type ?? "?"}`,
        );
    },
  }),
  situation: questions,
};

export const p2p34: Rule = {
  id: "P2P-34",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The map-type query answers UNSUPPORTED for a client that is no PCI function, for a provider whose peer state is gone and when peer support is not built in.",
  intent: "A default such as ordinary memory would let the map go on with an address nobody computed.",
  sources: [
    kernel("drivers/pci/p2pdma.c", "pci_p2pdma_map_type", "6.12, 7.2"),
    kernel("include/linux/pci-p2pdma.h", "stubs without CONFIG_PCI_P2PDMA", "6.12, 7.2"),
  ],
  needs: ["peer2peer"],
  hints: ["Is the client tested for being PCI itself, rather than for having a PCI parent as the distance query does?"],
  status: checked,
  monitor: on({
    peer(event, state, verdict) {
      const client = event.clients[0];
      if (event.op !== "mapType" || client === undefined || isAskable(state, event.provider, client)) return;
      verdict.exercised();
      if (event.type !== "unsupported")
        verdict.violated(
          `the way of ${client} to ${event.provider} is called ${event.type ?? "?"}, though nobody can tell it`,
        );
    },
  }),
  situation: { ...questions, platform: ["tree", "function", "noPeers"] },
};

export const p2p37: Rule = {
  id: "P2P-37",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The distance counts the hops from both sides up to the common bridge (0 for one function, 2 inside one device, 4 across one switch), or both full paths if they never meet, whatever ACS says.",
  intent: "Drivers pick the nearest provider by this number; a wrong count picks a far or a blocked one.",
  sources: [kernel("drivers/pci/p2pdma.c", "calc_map_type_and_dist", "6.12, 7.2")],
  needs: ["peer2peer"],
  hints: ["Does an ACS bit change the number instead of the type only?"],
  status: checked,
  monitor: on({
    peer(event, state, verdict) {
      const client = event.clients[0];
      if (event.op !== "distance" || client === undefined || event.clients.length > 1 || event.result < 0) return;
      const right = expectedDistance(state, event.provider, event.clients);
      if (right < 0) return;
      verdict.exercised();
      if (event.result !== right)
        verdict.violated(`from ${client} to ${event.provider} it is ${right} hops, not ${event.result}`);
    },
  }),
  situation: questions,
};

export const rules: readonly Rule[] = [p2p05, p2p06, p2p07, p2p08, p2p09, p2p23, p2p34, p2p37];
