import type { Rule } from "../rule.ts";
import { ENOMEM } from "../../spec/errno.ts";
import type { CallEvent, CbRetEvent, EpochEvent, RetEvent } from "../../spec/event.ts";
import type { State, GrantState } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import { obstacleNow } from "../shared/platform.ts";
import { derived, proposal, thread } from "../source.ts";
import { callbackOf, grantsIn, isInFlight, isOwnMove, overlap } from "./lookup.ts";
import { peers } from "./situations.ts";

/** Access to a buffer is taken away, or about to change. */
function isTakenAway(state: State, buffer: string | null): boolean {
  const row = state.buffers.get(buffer ?? "");
  return row === undefined || row.access !== "accessible" || row.contested;
}

function judgeGivenBack(
  event: CbRetEvent<"mmuInvalidate"> | CbRetEvent<"rangeStart">,
  state: State,
  verdict: Verdict,
): void {
  const [left] = grantsIn(state, event.notifier, event);
  if (left === undefined) return;
  verdict.exercised();
  verdict.violated(
    `${event.to} was told to let go and has not given its peer pages back`,
    verdict.since("grants", left, "vma"),
  );
}

/** Settled peer access to a buffer. */
function grantsOn(state: State, { buffer }: EpochEvent): readonly GrantState[] {
  return [...state.grants.values()].filter(
    (grant) => state.vmas.get(grant.vma)?.buffer === buffer && !isInFlight(state, grant),
  );
}

/** Whether a VMA shows the buffer to mirrors. */
function hasPeers(state: State, buffer: string): boolean {
  for (const vma of state.vmas.values()) if (vma.live && vma.buffer === buffer) return true;
  return false;
}

function isOfMirror(state: State, table: string): boolean {
  for (const mirror of state.mirrors.values()) if (mirror.table === table) return true;
  return false;
}

function isGranted(state: State, address: number): boolean {
  for (const grant of state.grants.values()) if (grant.addresses.includes(address)) return true;
  return false;
}

function grantOf(state: State, by: string, address: number): GrantState | undefined {
  // Where nothing translates, two grants of one page have one address: the wider right counts.
  const grants = [...state.grants.values()].filter((grant) => grant.by === by && grant.addresses.includes(address));
  return grants.find(({ write }) => write) ?? grants[0];
}

/** The last grant of a range, and where the memory was then. */
interface Granted {
  readonly event: RetEvent<"p2pMap">;
  readonly storage: string | null;
}

/** Whether a grant has exactly these values. */
function isNamed(state: State, event: CallEvent<"p2pUnmap">): boolean {
  for (const grant of state.grants.values())
    if (
      grant.vma === event.vma &&
      grant.device === event.device &&
      grant.start === event.start &&
      grant.pages === event.pages &&
      grant.addresses.join() === event.addresses.join()
    )
      return true;
  return false;
}

export const mmun15: Rule = {
  id: "MMUN-15",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The p2p_map hook decides for one importing device, range and write right, and gives either one DMA address for each page or an error; it may refuse as it sees fit.",
  intent: "Only the owner of the VMA knows which device may reach which part of its memory.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: p2p_map")],
  needs: ["vmaPeer", "mirror"],
  hints: ["Is a grant made for one device reused for another?", "Can the hook return fewer addresses than pages?"],
  status: checked,
  situation: { weights: peers, importers: ["mirror"], exporters: ["subject"], sizes: [4096, 12288] },
  monitor: on({
    "cbret p2pMap"(event, _state, verdict) {
      if (event.errno !== 0) return;
      verdict.exercised();
      if (event.addresses.length !== event.pages)
        verdict.violated(`${event.to} grants ${event.pages} pages and gives ${event.addresses.length} addresses`);
      else if (new Set(event.addresses).size !== event.addresses.length)
        verdict.violated(`${event.to} gives one address for two pages`);
    },
  }),
};

export const mmun16: Rule = {
  id: "MMUN-16",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "A range once granted to a device is granted to it again as long as the VMA is valid, also after an invalidation.",
  intent: "Importers report failure at setup and have no one to tell when a later fault is refused.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: p2p_map")],
  needs: ["vmaPeer", "mirror"],
  hints: ["Which resource can run out between the first grant and a repeated one?"],
  status: checked,
  situation: {
    weights: { ...peers, changeRange: 14 },
    importers: ["mirror"],
    exporters: ["subject"],
    sizes: [4096, 12288],
  },
  monitor: remember(() => ({ granted: new Map<string, Granted>(), exempt: new Set<string>() }), {
    "cbret p2pMap"(event, _state, _verdict, memory) {
      // What was refused by injection, or to somebody else, is no change of mind.
      if (event.injected || !event.notified) memory.exempt.add(event.task);
    },
    "ret p2pMap"(event, state, verdict, memory) {
      const { granted } = memory;
      const exempt = memory.exempt.delete(event.task);
      const key = `${event.vma} ${event.device} ${event.start} ${event.pages} ${String(event.write)}`;
      const before = granted.get(key);
      const vma = state.vmas.get(event.vma);
      const buffer = state.buffers.get(vma?.buffer ?? "");
      const storage = buffer?.storage ?? null;
      if (event.errno === 0) granted.set(key, { event, storage });
      if (before === undefined || exempt || vma?.live !== true || event.notifier === null) return;
      if (event.errno === ENOMEM || isTakenAway(state, vma.buffer)) return;
      // Memory that has moved since may lie where the device has no way to.
      if (storage !== before.storage && obstacleNow(state, buffer!, event.device, verdict.profile) !== null) return;
      verdict.exercised();
      if (event.errno !== 0)
        verdict.violated(`${event.device} had this range of ${event.vma}, and is refused it now`, before.event);
    },
  }),
};

export const mmun17: Rule = {
  id: "MMUN-17",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The importer calls p2p_unmap from its notifier callback whenever one comes, and neither side counts on a lock being held then.",
  intent: "The exporter waits for this call before it moves or frees the memory.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: p2p_unmap")],
  needs: ["vmaPeer", "mirror"],
  hints: ["Is the unmap deferred to a worker or to the next use?"],
  status: checked,
  situation: {
    weights: { ...peers, changeRange: 14 },
    importers: ["mirror"],
    exporters: ["subject"],
    sizes: [4096, 12288],
  },
  monitor: on({
    "cbret mmuInvalidate"(event, state, verdict) {
      if (event.answer && !event.finish && !isOwnMove(event)) judgeGivenBack(event, state, verdict);
    },
    "cbret rangeStart"(event, state, verdict) {
      if (event.errno === 0 && !isOwnMove(event)) judgeGivenBack(event, state, verdict);
    },
    "cb p2pUnmap"(event, state, verdict) {
      const callback = callbackOf(state, event.task);
      if (callback !== undefined) verdict.exercised();
    },
    end(event, state, verdict) {
      for (const { task, wait } of event.waiting) {
        const frames = state.tasks.get(task)?.frames ?? [];
        const unmap = frames.find((frame) => frame.kind === "cb" && frame.hook === "p2pUnmap");
        if (unmap !== undefined && wait.kind === "lock")
          verdict.violated(`p2p_unmap waits for ${wait.lock}, which whoever invalidates may hold`, unmap);
      }
    },
  }),
};

export const mmun18: Rule = {
  id: "MMUN-18",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "Granted memory may move, but only by way of a notifier invalidation, and once its callback has returned no one uses the old addresses.",
  intent: "Device memory is evicted under pressure, and the old place gets a new owner.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: moving memory")],
  needs: ["vmaPeer", "mirror"],
  hints: ["Is there a move path that does not go through the notifier?"],
  status: checked,
  situation: {
    weights: { ...peers, move: 14, touch: 10 },
    importers: ["mirror"],
    exporters: ["subject"],
    sizes: [4096, 12288],
  },
  monitor: on({
    epoch(event, state, verdict) {
      if (event.change === "export") return;
      for (const grant of grantsOn(state, event)) {
        verdict.exercised();
        verdict.violated(
          `${event.buffer} goes to other memory while ${grant.device} has addresses of the old one through ${grant.vma}`,
        );
      }
      if (hasPeers(state, event.buffer)) verdict.exercised();
    },
    "ret touch"(event, state, verdict) {
      const entry = state.entries.get(`${event.table}:${event.page}`);
      if (entry?.via !== "address" || !isOfMirror(state, entry.table)) return;
      verdict.exercised();
      if (!isGranted(state, entry.address))
        verdict.violated(
          `the device uses address ${entry.address}, which was given back`,
          verdict.since("entries", `${event.table}:${event.page}`, "address"),
        );
    },
  }),
};

export const mmun19: Rule = {
  id: "MMUN-19",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Each CPU page-table entry of a granted VMA is empty or points to the memory that the peer was given.",
  intent: "CPU and peer would otherwise read different data at one and the same address.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: CPU page table")],
  needs: ["vmaPeer", "mirror"],
  hints: ["Are the CPU entries zapped before or after the storage changes?"],
  status: checked,
  situation: {
    weights: { ...peers, createSpace: 1, vmaFault: 30, move: 12, changeRange: 1, mirrorFault: 25 },
    importers: ["mirror"],
    exporters: ["subject"],
    sizes: [4096, 12288],
  },
  monitor: on({
    "ret primaryEntry"(event, state, verdict) {
      for (const grant of state.grants.values()) {
        const vma = state.vmas.get(grant.vma);
        if (vma?.space !== event.space || event.target === null) continue;
        if (!overlap({ start: vma.start + grant.start, pages: grant.pages }, { start: event.page, pages: 1 })) continue;
        verdict.exercised();
        if (grant.storage !== event.target)
          verdict.violated(
            `the CPU sees ${event.target} where ${grant.device} was given ${grant.storage ?? "nothing"}`,
          );
      }
    },
    "ret p2pMap"(event, state, verdict) {
      const vma = state.vmas.get(event.vma);
      if (event.errno !== 0 || vma === undefined) return;
      for (let page = vma.start + event.start; page < vma.start + event.start + event.pages; page += 1) {
        const entry = state.primaries.get(`${vma.space}:${page}`);
        if (entry === undefined) continue;
        verdict.exercised();
        if (entry.target !== event.storage)
          verdict.violated(
            `${event.device} is given ${event.storage ?? "nothing"} where the CPU sees ${entry.target}`,
            verdict.since("primaries", `${vma.space}:${page}`, "target"),
          );
      }
    },
  }),
};

export const mmun20: Rule = {
  id: "MMUN-20",
  level: "MUST",
  obliged: ["framework", "exporter"],
  provokedBy: ["importer"],
  statement:
    "Teardown of a VMA first notifies, then sees the importer's p2p_unmap, and only after that destroys the VMA.",
  intent: "Without the VMA the importer has no object left to unmap from.",
  sources: [thread("002", "the VMA lifetime must be strictly longer than map and unmap")],
  needs: ["vmaPeer", "mirror"],
  temporal: ["T-32"],
  hints: ["What keeps the VMA alive while an unmap is on its way?"],
  status: checked,
  situation: {
    weights: { ...peers, destroyVma: 8 },
    importers: ["mirror"],
    exporters: ["subject"],
    sizes: [4096, 12288],
  },
  monitor: on({
    "ret destroyVma"(event, state, verdict) {
      const vma = state.vmas.get(event.vma);
      if (vma?.kind !== "peer") return;
      verdict.exercised();
      for (const [name, grant] of state.grants)
        if (grant.vma === event.vma)
          verdict.violated(
            `${event.vma} is gone, and ${grant.by} has not given its pages back`,
            verdict.since("grants", name, "vma"),
          );
    },
    "call p2pUnmap"(event, state, verdict) {
      if (state.vmas.get(event.vma)?.live === false)
        verdict.violated(
          `${event.by} gives back pages of ${event.vma}, which is gone`,
          verdict.since("vmas", event.vma, "live"),
        );
    },
  }),
};

export const mmun21: Rule = {
  id: "MMUN-21",
  level: "MUST",
  obliged: ["exporter"],
  statement: "An importer without a notifier is refused by p2p_map, preferably with EOPNOTSUPP.",
  intent: "Nobody could tell it to let go, and its unmap could come after the VMA is gone.",
  sources: [
    proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: duties of the importer"),
    thread("002", "can non-notifier users ever be supported?"),
  ],
  needs: ["vmaPeer", "mirror"],
  hints: ["How does the hook learn whether its caller has a notifier on the range?"],
  status: checked,
  situation: { weights: { ...peers, mirror: 16 }, importers: ["mirror"], exporters: ["subject"], sizes: [4096, 12288] },
  monitor: on({
    "cbret p2pMap"(event, _state, verdict) {
      if (event.notified || event.injected) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(`${event.to} grants pages of ${event.vma} to an importer without a notifier`);
    },
  }),
};

export const mmun31: Rule = {
  id: "MMUN-31",
  level: "MUST",
  obliged: ["importer"],
  statement: "Addresses granted without the write right are only read.",
  intent: "The exporter may have granted a view of memory that others trust to stay unchanged.",
  sources: [
    proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: write argument"),
    derived("a grant covers what was asked for"),
  ],
  needs: ["vmaPeer", "mirror"],
  hints: ["Is the write bit of the device entry taken from the grant?"],
  status: checked,
  situation: { weights: peers, importers: ["mirror"], exporters: ["subject"], sizes: [4096, 12288] },
  monitor: on({
    "call install"(event, state, verdict) {
      const grant = event.via === "address" ? grantOf(state, event.by, event.address) : undefined;
      if (grant === undefined || grant.write) return;
      verdict.exercised();
      if (event.write) verdict.violated(`${event.by} may write through addresses that were granted for reading`);
    },
  }),
};

export const mmun32: Rule = {
  id: "MMUN-32",
  level: "MUST",
  obliged: ["importer"],
  statement: "Every grant is ended by one p2p_unmap that names the same VMA, device, range and addresses.",
  intent: "The exporter finds its DMA mappings by these values and leaks those that are never named.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: p2p_unmap"), derived("DMAMAP-01")],
  needs: ["vmaPeer", "mirror"],
  hints: ["Is a partly invalidated range unmapped with its full size or in pieces?"],
  status: checked,
  situation: {
    weights: { ...peers, unmirror: 4 },
    importers: ["mirror"],
    exporters: ["subject"],
    sizes: [4096, 12288],
  },
  monitor: on({
    "call p2pUnmap"(event, state, verdict) {
      verdict.exercised();
      if (!isNamed(state, event))
        verdict.violated(`${event.by} gives back a range of ${event.vma} with values that it was never granted`);
    },
    end(_event, state, verdict) {
      for (const [name, grant] of state.grants) {
        verdict.exercised();
        verdict.violated(
          `${grant.by} never gives back its pages of ${grant.vma}`,
          verdict.since("grants", name, "vma"),
        );
      }
    },
  }),
};

export const rules: readonly Rule[] = [mmun15, mmun16, mmun17, mmun18, mmun19, mmun20, mmun21, mmun31, mmun32];
